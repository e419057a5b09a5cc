package io.kvferry.spi;

import java.util.Set;

/**
 * Finds out whether a backend can run here, and opens it. Discovered by {@link java.util.ServiceLoader} through
 * {@code META-INF/services/io.kvferry.spi.TransferBackendProvider}.
 *
 * <p><b>Life cycle:</b> the engine promises: (1) the provider is made with its public constructor without arguments, which
 * loads nothing native; (2) {@code open} is called only after a {@code probe} with the same configuration answered
 * available; (3) it may be opened more than once in one process. The provider promises: (1) {@code probe} never throws and
 * leaves nothing behind; (2) {@code open} either returns a working backend or has released everything.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public interface TransferBackendProvider {
    /**
     * Returns the value of {@code kvferry.backend} that selects this backend.
     *
     * @return a name matching {@code [a-z][a-z0-9-]*}, unique on the class path
     */
    String name();

    /**
     * Returns the configuration keys this backend reads. All begin with {@code kvferry.} + {@link #name()} + {@code .}.
     *
     * @return the keys
     */
    Set<ConfigKey<?>> configKeys();

    /**
     * Tells whether the backend can run here. Repeatable; reports instead of throwing.
     *
     * @param config the configuration it would be opened with
     * @return available, or what is missing and how to get it
     */
    Availability probe(BackendConfig config);

    /**
     * Opens the backend.
     *
     * @param config values for {@link #configKeys()}
     * @param environment what the engine shares with it
     * @param deadline until when it may wait
     * @return the backend; the caller closes it
     * @throws TransferException BACKEND_UNAVAILABLE with reason and remedy; INVALID_REQUEST for a contradictory
     *     configuration; CONNECTION_FAILED where it cannot listen; DEADLINE_EXCEEDED
     */
    TransferBackend open(BackendConfig config, BackendEnvironment environment, Deadline deadline);
}
