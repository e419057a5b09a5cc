package io.kvferry.backend.nccl;

import io.kvferry.spi.ResetScope;
import io.kvferry.spi.TransferErrorCode;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Predicate;

/** Ends by force what may still touch memory: communicators are aborted, and their streams watched. Thread-safe. */
final class Fence {
    private final Admission admission;
    private final Services services;

    Fence(Admission admission, Services services) {
        this.admission = admission;
        this.services = services;
    }

    /** Completes when neither GPU nor copies touch memory of the transfers in scope. */
    CompletableFuture<Boolean> raise(ResetScope scope) {
        String detail = "taken down by a reset of " + scope;
        List<TransferSide> fenced = admission.in(scope);
        fenced.forEach(side -> side.fail(TransferErrorCode.TRANSFER_FAILED, detail));
        if (fenced.stream().allMatch(TransferSide::isQuiet)) {
            // sealed, and nothing is with the GPU: the connections can go on
            return CompletableFuture.completedFuture(true);
        }
        Predicate<Connection> which = switch (scope) {
            case ResetScope.Connection(var id, var attempt) -> connection -> connection.carries(id, attempt);
            case ResetScope.Peer(var peer) ->
                connection -> connection.key().peer().equals(peer);
            case ResetScope.Instance() -> connection -> true;
        };
        return endConnections(which, TransferErrorCode.TRANSFER_FAILED, detail)
                .thenCompose(ended -> services.copies().barrier())
                .thenCompose(copied -> services.device().call(() -> true));
    }

    /** Completes when the GPU is done with all that match. */
    CompletableFuture<Void> endConnections(Predicate<Connection> which, TransferErrorCode code, String detail) {
        CompletableFuture<Void> done = new CompletableFuture<>();
        services.device().execute(() -> {
            var ignored = services.connections().end(which, code, detail).thenRun(() -> done.complete(null));
        });
        return done;
    }
}
