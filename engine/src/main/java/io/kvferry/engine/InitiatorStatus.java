package io.kvferry.engine;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.Side;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferState;
import io.kvferry.spi.TransferStatus;
import org.jspecify.annotations.Nullable;

/** What an initiator's attempt looks like from outside, given what is known of it. */
final class InitiatorStatus {
    private InitiatorStatus() {}

    static TransferStatus of(
            TransferRequest request,
            @Nullable Prepared prepared,
            TransferState phase,
            @Nullable Ending ending,
            boolean cleaned) {
        TransferError error = ending == null ? null : ending.error();
        if (prepared == null) {
            TransferState now = ending == null ? phase : ending.state();
            return new TransferStatus(
                    now, 0, request.blocks().totalBytes(), 0, request.blocks().size(), error);
        }
        TransferStatus io = prepared.snapshot();
        return new TransferStatus(
                ending == null ? beforeEnd(phase, io) : afterEnd(ending, prepared.hold(), cleaned),
                io.bytesDone(),
                prepared.matched().totalBytes(),
                io.blocksDone(),
                prepared.matched().size(),
                error);
    }

    private static TransferState beforeEnd(TransferState phase, TransferStatus io) {
        return phase == TransferState.SUBMITTED && io.bytesDone() > 0 ? TransferState.IN_FLIGHT : phase;
    }

    private static TransferState afterEnd(Ending ending, MemoryHold hold, boolean cleaned) {
        if (hold.isQuarantined()) {
            return TransferState.QUARANTINED;
        }
        return cleaned && hold.state() == Quiescence.QUIESCENT ? TransferState.FINISHED : ending.state();
    }

    /** A line of {@link TransferEngine#status()}. */
    static EngineStatus.Entry entry(
            TransferRequest request, @Nullable Prepared prepared, TransferStatus now, PhaseTimes times) {
        Deadline until = prepared == null ? request.deadline() : prepared.deadline();
        return new EngineStatus.Entry(
                request.id(),
                request.attempt(),
                Side.INITIATOR,
                request.operation(),
                prepared == null ? request.peer().toString() : prepared.peer(),
                prepared == null ? "" : prepared.backend().name(),
                prepared == null ? "" : prepared.io().lanes(),
                now,
                ProgressMark.stage(now),
                prepared == null ? Quiescence.QUARANTINED : prepared.hold().state(),
                prepared == null ? 0 : prepared.hold().quarantinedBytes(),
                times.ageNanos(),
                times.quietNanos(now),
                until == null ? 0 : until.remainingNanos());
    }
}
