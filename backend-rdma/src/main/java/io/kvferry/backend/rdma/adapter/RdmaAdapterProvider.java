package io.kvferry.backend.rdma.adapter;

import io.kvferry.spi.Availability;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.TransferException;
import java.util.Set;

/**
 * Finds out whether one library can be used here, and opens it.
 *
 * <p><b>Life cycle:</b> loading and making the provider touches nothing native; {@code open} is called after a
 * {@code probe} answered available. <b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public interface RdmaAdapterProvider {
    /**
     * Returns the value of {@code kvferry.rdma.provider} that selects this library.
     *
     * @return the name
     */
    String name();

    /**
     * Returns the keys that this library alone reads. All begin with {@code kvferry.rdma.} + {@link #name()} + {@code .}.
     *
     * @return the keys
     */
    Set<ConfigKey<?>> configKeys();

    /**
     * Tells whether library and device are there. Repeatable, never throws, leaves nothing behind.
     *
     * @param config the configuration it would be opened with
     * @return available, or what is missing and how to get it
     */
    Availability probe(BackendConfig config);

    /**
     * Opens the library.
     *
     * @param config values for {@link #configKeys()}
     * @param environment clock and addresses
     * @param deadline until when it may wait
     * @return an adapter; or everything is released again
     * @throws TransferException BACKEND_UNAVAILABLE, INVALID_REQUEST, CONNECTION_FAILED where it cannot listen
     */
    RdmaAdapter open(BackendConfig config, BackendEnvironment environment, Deadline deadline);
}
