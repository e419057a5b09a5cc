package io.kvferry.engine;

import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferState;
import org.jspecify.annotations.Nullable;

/**
 * The outcome of a transfer on one side; the first one wins and never changes.
 *
 * @param state COMPLETED, FAILED, CANCELLED or TIMED_OUT
 * @param error why, or null for COMPLETED
 */
record Ending(TransferState state, @Nullable TransferError error) {
    static final Ending COMPLETED = new Ending(TransferState.COMPLETED, null);

    /** Which outcome an error means. */
    static Ending of(TransferError error) {
        TransferErrorCode code = error.code();
        return new Ending(
                code == TransferErrorCode.CANCELLED
                        ? TransferState.CANCELLED
                        : code == TransferErrorCode.DEADLINE_EXCEEDED ? TransferState.TIMED_OUT : TransferState.FAILED,
                error);
    }

    /** What the target's answer to FINISH decides, or that there was none. */
    static Ending confirmed(PeerReply.@Nullable Finished reply, @Nullable TransferException failure, PeerAddress peer) {
        if (reply == null) {
            return of(
                    failure != null
                            ? failure.error()
                            : TransferError.of(TransferErrorCode.PEER_LOST, Stage.FINISH, peer + " did not confirm"));
        }
        if (reply.outcome() == TransferState.COMPLETED) {
            return COMPLETED;
        }
        TransferError error = reply.error();
        return of(
                error != null
                        ? error
                        : TransferError.of(
                                TransferErrorCode.TRANSFER_FAILED,
                                Stage.FINISH,
                                "the target decided " + reply.outcome()));
    }

    TransferResult result(long bytes, int blocks, Quiescence memory) {
        if (error == null) {
            return new TransferResult.Completed(bytes, blocks);
        }
        TransferError known = error.withMemorySafe(memory == Quiescence.QUIESCENT);
        return switch (state) {
            case CANCELLED -> new TransferResult.Cancelled(known, memory);
            case TIMED_OUT -> new TransferResult.TimedOut(known, memory);
            default -> new TransferResult.Failed(known, memory);
        };
    }
}
