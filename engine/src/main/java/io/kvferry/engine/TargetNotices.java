package io.kvferry.engine;

import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerControl;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferState;
import io.kvferry.spi.TransferStatus;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells a target what becomes of an attempt on its lease: that a part is applied, that it is cancelled, how it ended.
 *
 * <p><b>Threads:</b> Thread-safe. Does not block.
 */
final class TargetNotices {
    private static final Logger LOG = LoggerFactory.getLogger(TargetNotices.class);

    private final EngineContext context;
    private final PeerControl peerControl;
    private final Finisher finisher;

    TargetNotices(EngineContext context, PeerControl peerControl) {
        this.context = context;
        this.peerControl = peerControl;
        this.finisher = new Finisher(context, peerControl);
    }

    /** PART: best effort, as the target's own decision marks all blocks in the end. */
    void part(TransferRequest request, Prepared prepared, BlockRange blocks) {
        var ignored = peerControl
                .call(
                        request.peer(),
                        new PeerRequest.Part(request.id(), request.attempt(), context.self(), prepared.epoch(), blocks),
                        prepared.deadline())
                .whenComplete((ack, failure) -> {
                    if (failure != null) {
                        LOG.debug("transfer {}: the target did not take PART {}", request.id(), blocks, failure);
                    }
                });
    }

    /** CANCEL: before this side stops, so that a two-sided target stops at the same time. */
    void cancelled(TransferRequest request, Prepared prepared) {
        var ignored = peerControl
                .call(
                        request.peer(),
                        new PeerRequest.Cancel(request.id(), request.attempt(), context.self()),
                        context.finishGrace())
                .whenComplete((ack, failure) -> {
                    if (failure != null) {
                        LOG.debug("transfer {}: {} did not take CANCEL", request.id(), prepared.peer(), failure);
                    }
                });
    }

    /** FINISH: repeated until it is answered. */
    void finished(
            TransferRequest request, Prepared prepared, TransferState outcome, Finisher.@Nullable Answered answered) {
        long bytes = prepared.matched().totalBytes();
        int blocks = prepared.matched().size();
        if (outcome != TransferState.COMPLETED) {
            TransferStatus io = prepared.snapshot();
            bytes = io.bytesDone();
            blocks = io.blocksDone();
        }
        finisher.tell(
                request.peer(),
                new PeerRequest.Finish(
                        request.id(), request.attempt(), context.self(), prepared.epoch(), outcome, bytes, blocks),
                answered);
    }

    /** FINISH of an attempt that did not get as far as prepared here, and may have been accepted there (R5). */
    void unprepared(TransferRequest request, long epoch, TransferException failure) {
        TransferState outcome =
                failure.code() == TransferErrorCode.DEADLINE_EXCEEDED ? TransferState.TIMED_OUT : TransferState.FAILED;
        finisher.tell(
                request.peer(),
                new PeerRequest.Finish(request.id(), request.attempt(), context.self(), epoch, outcome, 0, 0),
                null);
    }

    /** For how long FINISH is repeated. */
    long horizonNanos() {
        return finisher.horizon().toNanos();
    }

    /** Lets targets hear the ends of their transfers, so that they need not wait for their leases to expire. */
    void awaitSent(Deadline deadline) {
        finisher.awaitSent(deadline);
    }
}
