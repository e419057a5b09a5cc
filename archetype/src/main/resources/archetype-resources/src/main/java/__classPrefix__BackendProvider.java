package ${package};

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
import java.util.Set;

/**
 * Opens the backend: {@code kvferry.backend = ${backendName}}. Found through {@code META-INF/services}.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
public final class ${classPrefix}BackendProvider implements TransferBackendProvider {
    static final String NAME = "${backendName}";

    /** Made by {@link java.util.ServiceLoader}; loads nothing native. */
    public ${classPrefix}BackendProvider() {}

    @Override
    public String name() {
        return NAME;
    }

    /** STEP 4: a key for everything that bounds or times something; all begin with kvferry.${backendName}. */
    @Override
    public Set<ConfigKey<?>> configKeys() {
        return Set.of();
    }

    /** STEP 1: look for your library and device here; say what is missing and how to get it, and never throw. */
    @Override
    public Availability probe(BackendConfig config) {
        return new Availability.Available("copies inside this JVM");
    }

    @Override
    public TransferBackend open(BackendConfig config, BackendEnvironment environment, Deadline deadline) {
        if (deadline.isExpired()) {
            throw new TransferException(TransferErrorCode.DEADLINE_EXCEEDED, Stage.OPEN, "the deadline had passed");
        }
        return new ${classPrefix}Backend();
    }
}
