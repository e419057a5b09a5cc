package io.kvferry.control.cluster;

import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Ticker;
import java.util.Set;

/**
 * Keeps everything in this process's memory; chosen by {@code kvferry.controller.store = memory}.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public final class MemoryStoreProvider implements ClusterStoreProvider {
    /** For {@link java.util.ServiceLoader}. */
    public MemoryStoreProvider() {}

    @Override
    public String name() {
        return "memory";
    }

    @Override
    public Set<ConfigKey<?>> configKeys() {
        return Set.of();
    }

    @Override
    public ClusterStore open(BackendConfig config, Ticker ticker, Scheduler scheduler, Deadline deadline) {
        return new LocalClusterStore(ticker, scheduler, StoreJournal.None.INSTANCE);
    }
}
