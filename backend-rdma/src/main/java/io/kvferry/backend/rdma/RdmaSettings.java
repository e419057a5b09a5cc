package io.kvferry.backend.rdma;

import io.kvferry.spi.BackendConfig;

/** The values of {@link RdmaConfigKeys}. Immutable. */
record RdmaSettings(
        int connectionsPerPeer,
        int maxConnections,
        int maxTransfers,
        int queueDepth,
        long batchBytes,
        long windowBytes,
        int spinTurns) {

    static RdmaSettings from(BackendConfig config) {
        return new RdmaSettings(
                config.get(RdmaConfigKeys.CONNECTIONS_PER_PEER),
                config.get(RdmaConfigKeys.MAX_CONNECTIONS),
                config.get(RdmaConfigKeys.MAX_TRANSFERS),
                config.get(RdmaConfigKeys.QUEUE_DEPTH),
                config.get(RdmaConfigKeys.BATCH_SIZE),
                config.get(RdmaConfigKeys.WINDOW),
                config.get(RdmaConfigKeys.SPIN_TURNS));
    }
}
