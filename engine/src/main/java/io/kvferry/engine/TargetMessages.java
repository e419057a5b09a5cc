package io.kvferry.engine;

import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * What initiators say of their attempts on this engine's leases once they have asked for them: parts, the end, and the
 * channel. An end that finds no attempt leaves a tombstone, so that a late PREPARE finds no memory (R5, R6).
 *
 * <p><b>Threads:</b> Thread-safe. Does not block.
 */
final class TargetMessages {
    private final LeaseTable leases;

    TargetMessages(LeaseTable leases) {
        this.leases = leases;
    }

    void part(PeerRequest.Part part) {
        TargetAttempt attempt = live(part.id(), part.self(), part.attempt());
        if (attempt != null) {
            attempt.part(part);
        }
    }

    void cancel(PeerRequest.Cancel cancel) {
        TransferError error = cancelled(Stage.TRANSFER, cancel.self(), "cancelled by its initiator");
        TargetAttempt attempt = live(cancel.id(), cancel.self(), cancel.attempt());
        if (attempt == null) {
            attempt = leases.bury(cancel.id(), cancel.self(), cancel.attempt(), finished(error));
        }
        if (attempt != null) {
            attempt.end(Ending.of(error));
        }
    }

    CompletableFuture<PeerReply.Finished> finish(PeerRequest.Finish finish) {
        TargetAttempt attempt = live(finish.id(), finish.self(), finish.attempt());
        if (attempt != null) {
            return attempt.finish(finish);
        }
        PeerReply.Finished known = leases.tombstones().tell(finish.id(), finish.self(), finish.attempt());
        if (known != null) {
            return CompletableFuture.completedFuture(known);
        }
        PeerReply.Finished unknown = finished(cancelled(Stage.FINISH, finish.self(), "no such attempt is known here"));
        attempt = leases.bury(finish.id(), finish.self(), finish.attempt(), unknown);
        return attempt == null ? CompletableFuture.completedFuture(unknown) : attempt.finish(finish);
    }

    private static TransferError cancelled(Stage stage, PeerIdentity initiator, String detail) {
        return TransferError.of(TransferErrorCode.CANCELLED, stage, detail).at(Side.TARGET, initiator.toString());
    }

    private static PeerReply.Finished finished(TransferError error) {
        return new PeerReply.Finished(Ending.of(error).state(), error);
    }

    void channelOpened(TransferId id, int number, long epoch, PeerChannel channel) {
        TargetLease lease = leases.find(id);
        TargetAttempt attempt = lease == null
                ? null
                : lease.attempts().stream()
                        .filter(candidate -> candidate.is(number, epoch))
                        .findFirst()
                        .orElse(null);
        if (attempt == null) {
            throw new TransferException(
                    TransferErrorCode.NOT_FOUND,
                    Stage.PREPARE,
                    "no attempt " + number + " of transfer " + id + " is prepared");
        }
        attempt.connect(channel);
    }

    private @Nullable TargetAttempt live(TransferId id, PeerIdentity peer, int number) {
        TargetLease lease = leases.find(id);
        return lease == null ? null : lease.attempt(peer, number);
    }
}
