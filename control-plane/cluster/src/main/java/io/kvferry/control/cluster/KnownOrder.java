package io.kvferry.control.cluster;

import java.util.concurrent.CompletableFuture;

/**
 * An order as the store has it.
 *
 * <p><b>Threads:</b> Thread-safe; the parts change one by one.
 */
final class KnownOrder {
    final CompletableFuture<OrderStatus> whenFinished = new CompletableFuture<>();
    volatile OrderStatus status;
    /** Id of the controller that carries it out. */
    volatile String owner;

    volatile long revision;
    volatile long remainingNanos;

    KnownOrder(OrderStatus status, String owner, long revision, long remainingNanos) {
        this.status = status;
        this.owner = owner;
        this.revision = revision;
        this.remainingNanos = remainingNanos;
    }
}
