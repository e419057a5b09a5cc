package io.kvferry.engine;

import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.Side;
import io.kvferry.spi.TargetTransfer;
import io.kvferry.spi.TransferState;
import io.kvferry.spi.TransferStatus;
import org.jspecify.annotations.Nullable;

/** What a peer's attempt looks like from outside, given what is known of it. */
final class TargetStatus {
    private TargetStatus() {}

    /** @param io the backend's side, or null before it has accepted */
    static TransferStatus of(Admission admission, @Nullable TargetTransfer io, @Nullable Ending ending) {
        TransferStatus seen = admission.snapshot(io);
        return new TransferStatus(
                ending == null ? beforeEnd(io, seen) : afterEnd(admission, ending),
                seen.bytesDone(),
                admission.match().blocks().totalBytes(),
                seen.blocksDone(),
                admission.match().blocks().size(),
                ending == null ? null : ending.error());
    }

    private static TransferState beforeEnd(@Nullable TargetTransfer io, TransferStatus seen) {
        if (seen.bytesDone() > 0) {
            return TransferState.IN_FLIGHT;
        }
        return io == null ? TransferState.PREPARING : TransferState.PREPARED;
    }

    private static TransferState afterEnd(Admission admission, Ending ending) {
        return admission.hold().isQuarantined() ? TransferState.QUARANTINED : ending.state();
    }

    /** A line of {@link TransferEngine#status()}. */
    static EngineStatus.Entry entry(
            Admission admission,
            @Nullable TargetTransfer io,
            TransferStatus now,
            PhaseTimes times,
            long remainingNanos) {
        PeerRequest.Prepare request = admission.request();
        return new EngineStatus.Entry(
                request.id(),
                request.attempt(),
                Side.TARGET,
                request.operation(),
                request.self().toString(),
                admission.backend().name(),
                io == null ? "" : io.lanes(),
                now,
                ProgressMark.stage(now),
                admission.hold().state(),
                admission.hold().quarantinedBytes(),
                times.ageNanos(),
                times.quietNanos(now),
                remainingNanos);
    }
}
