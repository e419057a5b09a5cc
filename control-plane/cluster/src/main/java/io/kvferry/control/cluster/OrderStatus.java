package io.kvferry.control.cluster;

import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * An order and how far it is.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param id its name, made by the controller
 * @param request what was asked for
 * @param nodes ids of the nodes that it goes to
 * @param results by node id, of those that have answered or failed
 * @since 0.1.0
 */
public record OrderStatus(String id, OrderRequest request, List<String> nodes, Map<String, OrderResult> results) {
    /** Copies the collections. */
    public OrderStatus {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(request, "request");
        nodes = List.copyOf(nodes);
        results = Map.copyOf(results);
    }

    /**
     * Tells whether every node has a result.
     *
     * @return true once nothing changes any more
     */
    public boolean isFinished() {
        return results.size() >= nodes.size();
    }

    /**
     * Tells whether every node has done it.
     *
     * @return true if it is finished and no node failed
     */
    public boolean isDone() {
        return isFinished() && results.values().stream().allMatch(OrderResult::isDone);
    }
}
