package io.kvferry.backend.nccl;

import io.kvferry.backend.nccl.adapter.JavaCppLibrary;
import io.kvferry.backend.nccl.adapter.NcclLibrary;
import io.kvferry.backend.nccl.adapter.Presence;
import io.kvferry.spi.Availability;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferBackend;
import io.kvferry.spi.TransferBackendProvider;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.Objects;
import java.util.Set;

/**
 * Opens the NCCL backend: {@code kvferry.backend = nccl}. It moves memory of one NVIDIA GPU, between processes on one machine
 * or on several, and needs the driver, CUDA 13 and NCCL 2.14 or newer.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public final class NcclBackendProvider implements TransferBackendProvider {
    static final String NAME = "nccl";

    /** From here on NCCL allocates and registers memory. */
    private static final int OLDEST_ZERO_COPY = 21_900;

    private final NcclLibrary library;

    /** Makes the provider that {@link java.util.ServiceLoader} finds. Loads nothing native. */
    public NcclBackendProvider() {
        this(new JavaCppLibrary());
    }

    /**
     * Makes a provider over other libraries. For tests that inject faults.
     *
     * @param library what calls CUDA and NCCL
     */
    public NcclBackendProvider(NcclLibrary library) {
        this.library = Objects.requireNonNull(library, "library");
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Set<ConfigKey<?>> configKeys() {
        return NcclConfigKeys.ALL;
    }

    @Override
    public Availability probe(BackendConfig config) {
        return switch (library.find(NcclConfigKeys.paths(config))) {
            case Presence.Absent absent ->
                new Availability.Unavailable(
                        TransferErrorCode.BACKEND_UNAVAILABLE,
                        absent.reason() + ": " + absent.detail(),
                        absent.remedy());
            case Presence.Found found -> check(found, config);
        };
    }

    private static Availability check(Presence.Found found, BackendConfig config) {
        if (config.get(NcclConfigKeys.ZERO_COPY) && found.ncclVersion() < OLDEST_ZERO_COPY) {
            // a call that the library lacks ends the process
            return new Availability.Unavailable(
                    TransferErrorCode.BACKEND_UNAVAILABLE,
                    Presence.Reason.NCCL_TOO_OLD + ": " + NcclConfigKeys.ZERO_COPY + " = true, and NCCL "
                            + Presence.versionText(found.ncclVersion()) + " registers no memory",
                    "install NCCL " + Presence.versionText(OLDEST_ZERO_COPY) + " or newer, or set "
                            + NcclConfigKeys.ZERO_COPY + " = false");
        }
        int device = config.get(NcclConfigKeys.DEVICE);
        return device < found.devices()
                ? new Availability.Available(found.toString())
                : new Availability.Unavailable(
                        TransferErrorCode.INVALID_REQUEST,
                        Presence.Reason.NO_DEVICE + ": " + NcclConfigKeys.DEVICE + "=" + device + ", there are "
                                + found.devices(),
                        "set " + NcclConfigKeys.DEVICE + " below that, or make more GPUs visible to this process");
    }

    @Override
    public TransferBackend open(BackendConfig config, BackendEnvironment environment, Deadline deadline) {
        Presence presence = library.find(NcclConfigKeys.paths(config));
        if (!(presence instanceof Presence.Found found)) {
            throw new TransferException(
                    TransferErrorCode.BACKEND_UNAVAILABLE, Stage.OPEN, "NCCL cannot run here: " + presence);
        }
        if (check(found, config) instanceof Availability.Unavailable no) {
            throw new TransferException(
                    no.code(), Stage.OPEN, "NCCL cannot run so: " + no.reason() + ". Remedy: " + no.fix());
        }
        if (deadline.isExpired()) {
            throw new TransferException(
                    TransferErrorCode.DEADLINE_EXCEEDED,
                    Stage.OPEN,
                    "the deadline passed before the backend was opened");
        }
        return NcclBackend.open(library, found, Settings.of(config), environment, deadline);
    }
}
