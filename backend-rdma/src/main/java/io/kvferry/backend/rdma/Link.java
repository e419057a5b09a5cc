package io.kvferry.backend.rdma;

import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.ResetScope;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferId;
import java.util.concurrent.CompletableFuture;

/** A half of a connection with what is on it, as the backend fences and counts it. */
sealed interface Link permits OutgoingLink, IncomingLink {
    /** Which transfer a fence is about. */
    @FunctionalInterface
    interface ResetTest {
        boolean matches(TransferId id, int attempt);
    }

    PeerIdentity peer();

    /** Tells whether nothing is on it. Any thread. */
    boolean isIdle();

    /** Tells whether a transfer is on it. Any thread. */
    boolean carries(ResetTest test);

    /** Tells whether a fence is about it. Any thread. */
    default boolean isIn(ResetScope scope) {
        return switch (scope) {
            case ResetScope.Connection(var id, var attempt) ->
                carries((otherId, otherAttempt) -> otherId.equals(id) && otherAttempt == attempt);
            case ResetScope.Peer(var peer) -> peer().equals(peer);
            case ResetScope.Instance() -> true;
        };
    }

    /**
     * Fails what is on it and closes it. Any thread, idempotent.
     *
     * @param goodbye whether the peer is told that this is in good order
     * @return what {@link #whenClosed} returns
     */
    CompletableFuture<Void> close(TransferErrorCode code, String detail, boolean goodbye);

    /** Completes when no memory of this process is touched through it any more. */
    CompletableFuture<Void> whenClosed();
}
