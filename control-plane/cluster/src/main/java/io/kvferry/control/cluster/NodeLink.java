package io.kvferry.control.cluster;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.TransferErrorCode;
import java.util.concurrent.CompletionStage;

/**
 * The way from a controller to one node. gRPC implements it, and every other front that nodes can register through.
 *
 * <p><b>Threads:</b> Thread-safe; no method blocks.
 *
 * @since 0.1.0
 */
public interface NodeLink {
    /**
     * Sends an order.
     *
     * @param order what to do
     * @param deadline by when; the controller stops waiting by itself, so an answer may also never come
     * @return completes with the node's answer, or with a {@link io.kvferry.spi.TransferException} when it cannot come any
     *     more
     */
    CompletionStage<OrderResult> send(NodeOrder order, Deadline deadline);

    /**
     * Asks the node to send everything it holds, through {@link NodeSession#beginSync}. Asked once for each time the index
     * is found to be wrong.
     *
     * @param reason for logs on both sides
     */
    void requestSync(String reason);

    /**
     * Tells the link that it serves no more: the node was replaced by a newer process, its lease has ended or the
     * controller closes.
     *
     * @param code PEER_RESTARTED for a replaced node, LEASE_ENDED for a lost lease (the node registers again), SHUTTING_DOWN
     * @param detail one line for a person
     */
    void end(TransferErrorCode code, String detail);
}
