package io.kvferry.engine;

import io.kvferry.spi.BlockList;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferState;
import io.kvferry.spi.TransferStatus;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What preparing a transfer produced: what both sides have agreed on, and this side's I/O.
 *
 * @param selection which backend
 * @param peer the other side, for people
 * @param matched the request's blocks that the target leased
 * @param positions how positions of the request and of {@code matched} map
 * @param io the backend's side
 * @param channel messages to the target, or null
 * @param hold the memory
 * @param epoch the target's epoch; 0 for a foreign target, which has none
 * @param deadline when the transfer times out
 * @param deadlineReason which bound that is
 */
record Prepared(
        Selection selection,
        String peer,
        BlockList matched,
        Positions positions,
        InitiatorTransfer io,
        @Nullable PeerChannel channel,
        MemoryHold hold,
        long epoch,
        Deadline deadline,
        String deadlineReason) {
    private static final Logger LOG = LoggerFactory.getLogger(Prepared.class);

    OpenBackend backend() {
        return selection.backend();
    }

    /** Whether the other side knows no peer control: then it is told nothing. */
    boolean isForeign() {
        return epoch == 0;
    }

    /** The backend's view; one that throws knows nothing. */
    TransferStatus snapshot() {
        try {
            return io.status();
        } catch (RuntimeException | Error e) {
            LOG.error("{}: the backend has no status", hold, e);
            return new TransferStatus(TransferState.PREPARED, 0, matched.totalBytes(), 0, matched.size(), null);
        }
    }

    /**
     * Ends the backend's side and settles the memory; a backend that throws has proved nothing. The channel stays open
     * until the memory is quiescent: what both sides have begun is drained over it.
     */
    void finish(Deadline grace) {
        Quiescence answer;
        try {
            answer = io.finish(grace);
        } catch (RuntimeException | Error e) {
            LOG.error("{}: the backend could not finish; its memory goes into quarantine", hold, e);
            answer = Quiescence.QUARANTINED;
        }
        hold.settle(answer);
        if (channel != null) {
            var ignored = hold.whenQuiescent().thenRun(channel::close);
        }
    }

    /** The outcome when time is up, with what the backend knows at that moment. */
    Ending timedOut(String whose, TransferStatus seen) {
        return Ending.of(TransferError.of(
                        TransferErrorCode.DEADLINE_EXCEEDED,
                        Stage.TRANSFER,
                        whose + " passed with " + seen.bytesDone() + " of " + matched.totalBytes()
                                + " bytes applied; more may have been written")
                .at(Side.INITIATOR, peer));
    }
}
