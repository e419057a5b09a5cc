package io.kvferry.control.cluster;

import io.kvferry.spi.Deadline;

/**
 * Carries orders out, at a node.
 *
 * <p><b>Threads:</b> called on a virtual thread for each order, which may block until the deadline; several orders may run
 * at once. <b>Failure:</b> a {@link io.kvferry.spi.TransferException} becomes a failed result with its code; anything else
 * is INTERNAL.
 *
 * @since 0.1.0
 */
@FunctionalInterface
public interface OrderHandler {
    /**
     * Carries an order out. An order whose id was handled lately is answered without asking again.
     *
     * @param order what to do
     * @param deadline by when; after it nobody hears the answer
     * @return how it went
     */
    OrderResult handle(NodeOrder order, Deadline deadline);
}
