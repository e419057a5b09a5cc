package io.kvferry.control.cluster;

import io.kvferry.spi.PeerAddress;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/**
 * A controller at one moment, for dashboards, metrics and health checks.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param id this controller's own name, new in each process
 * @param address where nodes reach it
 * @param store kind of store in use
 * @param storeAvailable whether the store answers
 * @param lease how long a node may be silent before it is gone
 * @param indexComplete whether every node has told what it holds
 * @param controllers ids of all controllers that share the store
 * @param nodes all nodes that are not gone, by id
 * @param indexedChunks different chunks in the index
 * @param indexedPairs pairs of chunk and holder in the index
 * @param indexBytes memory of the index
 * @param openOrders orders that are not finished
 * @param pins pins that have not run out
 * @param counters what happened since the start, by name, such as {@code lookups}; names end up in metrics
 * @since 0.1.0
 */
public record ControllerView(
        String id,
        PeerAddress address,
        String store,
        boolean storeAvailable,
        Duration lease,
        boolean indexComplete,
        List<String> controllers,
        List<NodeView> nodes,
        long indexedChunks,
        long indexedPairs,
        long indexBytes,
        int openOrders,
        int pins,
        Map<String, Long> counters) {
    /** Copies the collections. */
    public ControllerView {
        controllers = List.copyOf(controllers);
        nodes = List.copyOf(nodes);
        counters = Map.copyOf(counters);
    }
}
