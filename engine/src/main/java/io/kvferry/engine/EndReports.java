package io.kvferry.engine;

import io.kvferry.spi.BlockList;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.Side;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferStatus;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Puts together what is reported of an end, for each kind of end there is (R19). */
final class EndReports {
    private EndReports() {}

    /** Tells of an attempt that was not prepared: nothing moved, and nothing is left of it. */
    static void refused(
            TransferRequest request, TransferError error, PhaseTimes times, @Nullable ListenerCalls listeners) {
        boolean recorded = TransferEvent.isRecorded();
        if (listeners == null && !recorded) {
            return;
        }
        TransferReport report = new TransferReport(
                request.id(),
                request.attempt(),
                Side.INITIATOR,
                request.operation(),
                error.peer().isEmpty() ? request.peer().toString() : error.peer(),
                Objects.requireNonNullElse(request.backend(), ""),
                "",
                Ending.of(error).result(0, 0, Quiescence.QUIESCENT),
                0,
                0,
                0,
                times.ageNanos(),
                0,
                0,
                0);
        if (listeners != null) {
            listeners.ended(report);
        }
        if (recorded) {
            TransferEvent.emit(report);
        }
    }

    /** An attempt of this engine on a peer's lease. */
    static TransferReport initiator(
            TransferRequest request, Prepared prepared, Ending outcome, Quiescence memory, PhaseTimes times) {
        TransferStatus io = prepared.snapshot();
        BlockList matched = prepared.matched();
        return new TransferReport(
                request.id(),
                request.attempt(),
                Side.INITIATOR,
                request.operation(),
                prepared.peer(),
                prepared.backend().name(),
                prepared.selection().skipped(),
                outcome.result(matched.totalBytes(), matched.size(), memory),
                io.bytesDone(),
                io.blocksDone(),
                request.blocks().size() - matched.size(),
                times.prepareNanos(),
                times.submitNanos(),
                times.transferNanos(),
                times.finishNanos());
    }

    /** A peer's attempt on a lease of this engine. */
    static TransferReport target(
            Admission admission, Ending outcome, Quiescence memory, TransferStatus seen, PhaseTimes times) {
        PeerRequest.Prepare request = admission.request();
        BlockList matched = admission.match().blocks();
        return new TransferReport(
                request.id(),
                request.attempt(),
                Side.TARGET,
                request.operation(),
                request.self().toString(),
                admission.backend().name(),
                "",
                outcome.result(matched.totalBytes(), matched.size(), memory),
                seen.bytesDone(),
                seen.blocksDone(),
                admission.match().unmatched().size(),
                times.prepareNanos(),
                times.submitNanos(),
                times.transferNanos(),
                times.finishNanos());
    }

    /** A lease, with the last attempt on it where there was one. */
    static TransferReport lease(
            LeaseRequest request, @Nullable TransferReport last, TransferResult result, long ageNanos) {
        if (last == null) {
            return new TransferReport(
                    request.id(), 0, Side.TARGET, request.access(), "", "", "", result, 0, 0, 0, ageNanos, 0, 0, 0);
        }
        return new TransferReport(
                request.id(),
                last.attempt(),
                Side.TARGET,
                request.access(),
                last.peer(),
                last.backend(),
                "",
                result,
                last.bytes(),
                last.blocks(),
                last.unmatched(),
                last.prepareNanos(),
                last.submitNanos(),
                last.transferNanos(),
                last.finishNanos());
    }
}
