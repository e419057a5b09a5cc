package io.kvferry.node;

import io.kvferry.engine.TransferEngine;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Deadline;
import java.time.Duration;

/**
 * What every part of one node shares.
 *
 * @param engine moves the bytes
 * @param settings configuration
 * @param pool where the bytes are
 * @param store which chunk is where
 * @param chain makes keys
 * @param directory who else holds what
 * @param counters what has happened
 */
record NodeContext(
        TransferEngine engine,
        BackendConfig settings,
        BlockPool pool,
        ChunkStore store,
        KeyChain chain,
        ChunkDirectory directory,
        NodeCounters counters) {
    int chunkTokens() {
        return chain.scheme().chunkTokens();
    }

    Deadline after(Duration duration) {
        return Deadline.after(duration, engine.ticker());
    }

    Deadline after(ConfigKey<Duration> key) {
        return after(settings.get(key));
    }

    long nanos() {
        return engine.ticker().nanos();
    }
}
