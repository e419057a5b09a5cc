package io.kvferry.control.cluster;

import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Ticker;
import java.util.Set;

/**
 * Opens one kind of store; found by {@link java.util.ServiceLoader} and chosen by {@code kvferry.controller.store}.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public interface ClusterStoreProvider {
    /**
     * Returns the value of the key that chooses it.
     *
     * @return for example {@code etcd}
     */
    String name();

    /**
     * Returns the store's own keys.
     *
     * @return the keys, under {@code kvferry.controller.NAME.} or {@code kvferry.NAME.}
     */
    Set<ConfigKey<?>> configKeys();

    /**
     * Opens a store.
     *
     * @param config values for {@link #configKeys}
     * @param ticker the clock
     * @param scheduler runs things when deadlines pass
     * @param deadline until when to wait
     * @return a working store
     * @throws io.kvferry.spi.TransferException if that is not possible; names the key to change
     */
    ClusterStore open(BackendConfig config, Ticker ticker, Scheduler scheduler, Deadline deadline);
}
