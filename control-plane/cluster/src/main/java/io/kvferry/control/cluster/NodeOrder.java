package io.kvferry.control.cluster;

import java.util.Objects;

/**
 * An order as one node gets it. The same id may come again, after a controller was lost: it is the same order, and a node
 * that has done it answers what it answered.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param id name of the order
 * @param action what to do
 * @since 0.1.0
 */
public record NodeOrder(String id, OrderAction action) {
    /** Checks that nothing is missing. */
    public NodeOrder {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(action, "action");
    }
}
