package io.kvferry.backend.nccl;

import io.kvferry.spi.BackendConfig;
import java.time.Duration;

/** The configuration of one opened backend, read once. Immutable. */
record Settings(
        int device,
        int maxCtas,
        Duration connectTimeout,
        int maxConnections,
        int maxFailedConnects,
        int maxTransfers,
        int partBlocks,
        long partBytes,
        int window,
        int queueDepth,
        boolean zeroCopy,
        Duration memoryTimeout) {
    static Settings of(BackendConfig config) {
        return new Settings(
                config.get(NcclConfigKeys.DEVICE),
                config.get(NcclConfigKeys.MAX_CTAS),
                config.get(NcclConfigKeys.CONNECT_TIMEOUT),
                config.get(NcclConfigKeys.MAX_CONNECTIONS),
                config.get(NcclConfigKeys.MAX_FAILED_CONNECTS),
                config.get(NcclConfigKeys.MAX_TRANSFERS),
                config.get(NcclConfigKeys.PART_BLOCKS),
                config.get(NcclConfigKeys.PART_SIZE),
                config.get(NcclConfigKeys.WINDOW),
                config.get(NcclConfigKeys.QUEUE_DEPTH),
                config.get(NcclConfigKeys.ZERO_COPY),
                config.get(NcclConfigKeys.MEMORY_TIMEOUT));
    }
}
