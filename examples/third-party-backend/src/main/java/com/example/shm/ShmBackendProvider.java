package com.example.shm;

import io.kvferry.spi.Availability;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferBackend;
import io.kvferry.spi.TransferBackendProvider;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Set;

/**
 * Opens the backend: {@code kvferry.backend = shm}. The name of this class is in {@code META-INF/services}, which is how
 * KVFerry finds it.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
public final class ShmBackendProvider implements TransferBackendProvider {
    static final String NAME = "shm";

    private final RemoteCopy copy;

    /** Made by {@link java.util.ServiceLoader}; loads nothing native. */
    public ShmBackendProvider() {
        this(new ProcessVmCopy());
    }

    /** For tests, which stop and break the copy. */
    ShmBackendProvider(RemoteCopy copy) {
        this.copy = copy;
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Set<ConfigKey<?>> configKeys() {
        return ShmConfigKeys.ALL;
    }

    /** Does what a transfer does, between two places of this process: a file, a symbol or a flag that is missing shows here. */
    @Override
    public Availability probe(BackendConfig config) {
        if (!System.getProperty("os.name").equals("Linux")) {
            return unavailable("process_vm_readv is a call of Linux", "use kvferry.backend = tcp here");
        }
        if (!ShmBackendProvider.class.getModule().isNativeAccessEnabled()) {
            return unavailable("native access is not enabled", "start java with --enable-native-access=ALL-UNNAMED");
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment from = arena.allocateFrom(ValueLayout.JAVA_LONG, 42);
            MemorySegment to = arena.allocate(ValueLayout.JAVA_LONG);
            CopyBatch batch = new CopyBatch(1);
            batch.add(to.address(), from.address(), Long.BYTES);
            new ProcessVmCopy().copy(ProcessId.current().pid(), Operation.READ, batch);
            return new Availability.Available("copies between processes of this machine");
        } catch (TransferException | IOException | LinkageError e) {
            return unavailable(
                    "the kernel does not copy between processes: " + e.getMessage(),
                    "allow process_vm_readv in this container, for example with --cap-add=SYS_PTRACE");
        }
    }

    private static Availability unavailable(String reason, String fix) {
        return new Availability.Unavailable(TransferErrorCode.BACKEND_UNAVAILABLE, reason, fix);
    }

    @Override
    public TransferBackend open(BackendConfig config, BackendEnvironment environment, Deadline deadline) {
        if (deadline.isExpired()) {
            throw new TransferException(TransferErrorCode.DEADLINE_EXCEEDED, Stage.OPEN, "the deadline had passed");
        }
        try {
            return new ShmBackend(config, environment, ProcessId.current(), copy);
        } catch (IOException e) {
            throw new TransferException(
                    TransferErrorCode.BACKEND_UNAVAILABLE, Stage.OPEN, "cannot read /proc/self: " + e.getMessage(), e);
        }
    }
}
