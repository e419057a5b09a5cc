package io.kvferry.control.http;

import io.kvferry.control.cluster.ControllerView;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A controller and all it knows, without the chunks. */
record OverviewJson(
        String controller,
        String address,
        String store,
        boolean storeAvailable,
        long leaseMillis,
        boolean indexComplete,
        List<String> controllers,
        IndexJson index,
        int openOrders,
        int pins,
        List<NodeJson> nodes,
        Map<String, Long> counters,
        Sample traffic) {

    static OverviewJson of(ControllerView view, Sample traffic) {
        return new OverviewJson(
                view.id(),
                view.address().toString(),
                view.store(),
                view.storeAvailable(),
                view.lease().toMillis(),
                view.indexComplete(),
                view.controllers(),
                new IndexJson(view.indexedChunks(), view.indexedPairs(), view.indexBytes()),
                view.openOrders(),
                view.pins(),
                view.nodes().stream().map(NodeJson::of).toList(),
                new TreeMap<>(view.counters()),
                traffic);
    }

    /** How much the index holds. */
    record IndexJson(long chunks, long pairs, long bytes) {}
}
