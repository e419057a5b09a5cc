package io.kvferry.engine;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.Stage;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;

/** Reads the terms of a target's PREPARED, none of which is trusted. */
final class PreparedTerms {
    private PreparedTerms() {}

    /**
     * Until when this side may post I/O: anchored where the request was sent, as the reply may have been under way for
     * long, and a guard before the target may use its memory again (R2).
     *
     * @throws TransferException PROTOCOL_ERROR without an epoch; LEASE_ENDED where no more than the guard is left
     */
    static Deadline leaseEnd(PeerReply.Prepared reply, long sentNanos, long guardNanos, Ticker ticker) {
        if (reply.epoch() == 0) {
            throw new TransferException(
                    TransferErrorCode.PROTOCOL_ERROR, Stage.PREPARE, "the target answered PREPARED without an epoch");
        }
        if (reply.remainingNanos() <= guardNanos) {
            throw new TransferException(
                    TransferErrorCode.LEASE_ENDED,
                    Stage.PREPARE,
                    "the lease has " + reply.remainingNanos() + " ns left, less than kvferry.lease-guard");
        }
        long usable = Math.min(reply.remainingNanos() - guardNanos, Long.MAX_VALUE / 4);
        return Deadline.atNanos(sentNanos + usable, ticker);
    }

    /**
     * Which of the request's blocks the target leased.
     *
     * @param size how many blocks the request has
     * @throws TransferException PROTOCOL_ERROR for positions outside the request, or where no block is left
     */
    static Positions matched(PeerReply.Prepared reply, int size) {
        if (reply.unmatched().isEmpty()) {
            return Positions.SAME;
        }
        for (int position : reply.unmatched()) {
            if (position < 0 || position >= size) {
                throw new TransferException(
                        TransferErrorCode.PROTOCOL_ERROR,
                        Stage.PREPARE,
                        "the target left out block " + position + " of " + size);
            }
        }
        Positions positions = Positions.without(reply.unmatched(), size);
        if (positions.originals().length == 0) {
            throw new TransferException(
                    TransferErrorCode.PROTOCOL_ERROR, Stage.PREPARE, "the target left out every block");
        }
        return positions;
    }
}
