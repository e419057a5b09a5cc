package io.kvferry.control.cluster;

import java.time.Duration;
import java.util.List;
import java.util.Objects;

/**
 * An order for nodes, before it has an id.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param action what to do
 * @param nodes ids of the nodes to do it; an instance's name stands for all its nodes, none at all for all there are
 * @param timeout after which a node that has not answered counts as failed
 * @since 0.1.0
 */
public record OrderRequest(OrderAction action, List<String> nodes, Duration timeout) {
    /**
     * Checks the time.
     *
     * @throws IllegalArgumentException if it is not positive
     */
    public OrderRequest {
        Objects.requireNonNull(action, "action");
        nodes = List.copyOf(nodes);
        if (!timeout.isPositive()) {
            throw new IllegalArgumentException("an order has time to be carried out, not " + timeout);
        }
    }
}
