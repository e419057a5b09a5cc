package io.kvferry.backend.inprocess;

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
 * Opens the in-process backend: {@code kvferry.backend = inprocess}. It needs nothing and runs everywhere, between
 * engines of the same JVM.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public final class InProcessBackendProvider implements TransferBackendProvider {
    static final String NAME = "inprocess";

    private final CopyAdapter adapter;

    /** Makes the provider that {@link java.util.ServiceLoader} finds. */
    public InProcessBackendProvider() {
        this(CopyAdapter.MEMORY);
    }

    /**
     * Makes a provider whose backends copy with the given adapter. For tests that inject faults.
     *
     * @param adapter what copies
     */
    public InProcessBackendProvider(CopyAdapter adapter) {
        this.adapter = Objects.requireNonNull(adapter, "adapter");
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Set<ConfigKey<?>> configKeys() {
        return InProcessConfigKeys.ALL;
    }

    @Override
    public Availability probe(BackendConfig config) {
        return new Availability.Available("copies between engines of this JVM");
    }

    @Override
    public TransferBackend open(BackendConfig config, BackendEnvironment environment, Deadline deadline) {
        if (deadline.isExpired()) {
            throw new TransferException(
                    TransferErrorCode.DEADLINE_EXCEEDED,
                    Stage.OPEN,
                    "the deadline passed before the backend was opened");
        }
        return InProcessBackend.open(config, environment, adapter);
    }
}
