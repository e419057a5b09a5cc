package io.kvferry.spi;

import java.util.Set;

/**
 * Makes peer control. Discovered by {@link java.util.ServiceLoader} through
 * {@code META-INF/services/io.kvferry.spi.PeerControlProvider}.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public interface PeerControlProvider {
    /**
     * Returns the value of {@code kvferry.peer-control} that selects this implementation.
     *
     * @return a name matching {@code [a-z][a-z0-9-]*}, unique on the class path
     */
    String name();

    /**
     * Returns the configuration keys it reads. All begin with {@code kvferry.peer.}.
     *
     * @return the keys
     */
    Set<ConfigKey<?>> configKeys();

    /**
     * Makes an instance that does not listen yet.
     *
     * @param config values for {@link #configKeys()}
     * @param environment what the engine shares with it
     * @return peer control; the caller closes it
     * @throws TransferException INVALID_REQUEST for a contradictory configuration
     */
    PeerControl open(BackendConfig config, BackendEnvironment environment);
}
