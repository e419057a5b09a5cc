package io.kvferry.node;

import io.kvferry.control.cluster.KeyScheme;
import io.kvferry.engine.TransferEngine;
import io.kvferry.spi.BackendConfig;

/** Opens the directory that a node publishes in. */
@FunctionalInterface
interface DirectoryProvider {
    ChunkDirectory open(TransferEngine engine, KeyScheme scheme, BackendConfig settings);
}
