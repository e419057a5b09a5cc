package io.kvferry.engine;

import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Capability;
import io.kvferry.spi.Descriptor;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TargetTransfer;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferObserver;
import io.kvferry.spi.TransferState;
import io.kvferry.spi.TransferStatus;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One attempt of an initiator on a lease: accepted, watched, and decided once, by whichever of finish, expiry, cancel and
 * failure comes first.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class TargetAttempt implements TransferObserver {
    private static final Logger LOG = LoggerFactory.getLogger(TargetAttempt.class);

    private final Lease lease;
    private final EngineContext context;
    private final PeerRequest.Prepare request;
    private final long epoch;
    private final LeaseMatch match;
    private final OpenBackend backend;
    private final MemoryHold hold;
    private final EngineChannel channel;
    private final long startNanos;

    private final CompletableFuture<PeerReply.Prepared> prepared = new CompletableFuture<>();
    private final CompletableFuture<PeerReply.Finished> decided = new CompletableFuture<>();
    private final AtomicReference<@Nullable Ending> claim = new AtomicReference<>();
    private final AtomicBoolean stopped = new AtomicBoolean();
    private final CompletableFuture<Void> over = new CompletableFuture<>();
    private volatile @Nullable TargetTransfer io;
    private volatile long preparedNanos;
    private volatile long endedNanos;

    TargetAttempt(
            Lease lease,
            EngineContext context,
            PeerRequest.Prepare request,
            long epoch,
            LeaseMatch match,
            OpenBackend backend,
            MemoryHold hold) {
        this.lease = lease;
        this.context = context;
        this.request = request;
        this.epoch = epoch;
        this.match = match;
        this.backend = backend;
        this.hold = hold;
        this.channel = new EngineChannel();
        this.startNanos = context.ticker().nanos();
        this.preparedNanos = startNanos;
    }

    PeerIdentity peer() {
        return request.self();
    }

    int number() {
        return request.attempt();
    }

    long epoch() {
        return epoch;
    }

    LeaseMatch match() {
        return match;
    }

    OpenBackend backend() {
        return backend;
    }

    EngineChannel channel() {
        return channel;
    }

    CompletableFuture<PeerReply.Prepared> prepared() {
        return prepared;
    }

    /** Completes with the answer that every FINISH of this attempt gets. */
    CompletableFuture<PeerReply.Finished> decided() {
        return decided;
    }

    /** Completes once the attempt is decided and this side's memory was settled. */
    CompletableFuture<Void> over() {
        return over;
    }

    boolean isOver() {
        return over.isDone();
    }

    /** Tells whether nothing of this attempt is left: decided, and its memory given back. */
    boolean isSettled() {
        return over.isDone() && hold.state() == Quiescence.QUIESCENT;
    }

    PeerReply.Prepared preparedReply(Descriptor descriptor) {
        return new PeerReply.Prepared(
                epoch,
                Envelopes.seal(
                        new Envelopes.Address(
                                Envelopes.Kind.DESCRIPTOR,
                                backend.info().wireId(),
                                request.id(),
                                request.attempt(),
                                epoch,
                                context.self().bootId()),
                        descriptor),
                lease.remainingNanos(),
                match.unmatched());
    }

    /** The backend has accepted; an end that came meanwhile takes effect now. */
    void accepted(TargetTransfer accepted, PeerReply.Prepared reply) {
        preparedNanos = context.ticker().nanos();
        io = accepted;
        prepared.complete(reply);
        Ending early = claim.get();
        if (early != null) {
            stop(early);
        }
    }

    /** The backend has refused: nothing of this attempt lives here. */
    void refused(TransferException failure) {
        hold.release();
        Ending outcome = Ending.of(failure.error());
        claim.compareAndSet(null, outcome);
        stopped.set(true);
        prepared.completeExceptionally(failure);
        decide(outcome);
    }

    @Override
    public void applied(BlockRange blocks) {
        if (backend.info().can(Capability.TARGET_PROGRESS)) {
            match.toLease(blocks, lease::applied);
        }
    }

    @Override
    public void failed(TransferError error) {
        end(Ending.of(error.at(Side.TARGET, peer().toString())));
    }

    @Override
    public void quiesced() {
        hold.release();
    }

    /** PART: the initiator saw blocks applied that this backend's target side cannot see. */
    void part(PeerRequest.Part part) {
        if (part.blocks().end() > match.blocks().size()) {
            throw new TransferException(
                    TransferErrorCode.PROTOCOL_ERROR,
                    Stage.TRANSFER,
                    part.blocks() + " is outside the " + match.blocks().size() + " matched blocks");
        }
        if (claim.get() == null && !backend.info().can(Capability.TARGET_PROGRESS)) {
            match.toLease(part.blocks(), lease::applied);
        }
    }

    /** Ends the attempt, unless it has been decided already. */
    void end(Ending outcome) {
        if (claimEnd(outcome)) {
            context.executor().execute(() -> stop(outcome));
        }
    }

    /** FINISH: the initiator's outcome is taken, unless this side has decided before. */
    CompletableFuture<PeerReply.Finished> finish(PeerRequest.Finish finish) {
        Ending outcome = finish.outcome() == TransferState.COMPLETED
                ? Ending.COMPLETED
                : Ending.of(new TransferError(
                        codeOf(finish.outcome()),
                        codeOf(finish.outcome()).number(),
                        Stage.FINISH,
                        Side.TARGET,
                        peer().toString(),
                        true,
                        "the initiator ended " + finish.outcome() + " after " + finish.bytes() + " bytes"));
        if (claimEnd(outcome)) {
            stop(outcome);
        }
        return decided;
    }

    private static TransferErrorCode codeOf(TransferState outcome) {
        return switch (outcome) {
            case CANCELLED -> TransferErrorCode.CANCELLED;
            case TIMED_OUT -> TransferErrorCode.DEADLINE_EXCEEDED;
            default -> TransferErrorCode.TRANSFER_FAILED;
        };
    }

    private boolean claimEnd(Ending outcome) {
        if (!claim.compareAndSet(null, outcome)) {
            return false;
        }
        endedNanos = context.ticker().nanos();
        return true;
    }

    /** Seal, drain, verify, decide. Runs once, when both the end and the backend's acceptance are known. */
    private void stop(Ending outcome) {
        TargetTransfer accepted = io;
        if (accepted == null || !stopped.compareAndSet(false, true)) {
            return;
        }
        hold.settle(finishBackend(accepted, outcome));
        channel.close();
        if (outcome.state() == TransferState.COMPLETED && hold.isQuarantined()) {
            // the last bytes may be landing: the decision waits for the drain, no longer than the grace
            awaitDrain(() -> decide(verify(outcome, accepted)));
        } else {
            decide(verify(outcome, accepted));
        }
    }

    private Quiescence finishBackend(TargetTransfer accepted, Ending outcome) {
        Quiescence answer;
        try {
            accepted.seal();
            answer = accepted.finish(context.after(context.settings().get(EngineConfigKeys.FINISH_GRACE)));
        } catch (RuntimeException e) {
            LOG.error("{}: the backend could not finish; its memory goes into quarantine", this, e);
            return Quiescence.QUARANTINED;
        }
        boolean initiatorIsDone = outcome.state() == TransferState.COMPLETED;
        boolean canRevoke = backend.info().can(Capability.REVOKE);
        return initiatorIsDone || canRevoke ? answer : Quiescence.QUARANTINED;
    }

    private void awaitDrain(Runnable then) {
        CompletableFuture<Void> drained = hold.whenQuiescent().copy();
        Scheduler.Scheduled grace = context.scheduler()
                .schedule(
                        context.after(context.settings().get(EngineConfigKeys.FINISH_GRACE)),
                        () -> drained.complete(null));
        var ignored = drained.thenRunAsync(
                () -> {
                    grace.cancel();
                    then.run();
                },
                context.executor());
    }

    private Ending verify(Ending outcome, TargetTransfer accepted) {
        if (outcome.state() != TransferState.COMPLETED
                || request.operation() != Operation.WRITE
                || !backend.info().can(Capability.TARGET_PROGRESS)) {
            return outcome;
        }
        int seen = accepted.status().blocksDone();
        if (seen == match.blocks().size()) {
            return outcome;
        }
        return Ending.of(new TransferError(
                TransferErrorCode.TRANSFER_FAILED,
                TransferErrorCode.TRANSFER_FAILED.number(),
                Stage.FINISH,
                Side.TARGET,
                peer().toString(),
                hold.state() == Quiescence.QUIESCENT,
                "the initiator says completed, but " + seen + " of "
                        + match.blocks().size() + " blocks have arrived"));
    }

    private void decide(Ending outcome) {
        TransferReport report = report(outcome);
        if (TransferEvent.isRecorded()) {
            TransferEvent.emit(report);
        }
        PeerReply.Finished reply = new PeerReply.Finished(outcome.state(), outcome.error());
        // first remembered, so that a late PREPARE of this attempt finds its tombstone
        lease.remember(this, outcome, reply, report);
        over.complete(null);
        lease.attemptOver(outcome);
        decided.complete(reply);
    }

    private TransferReport report(Ending outcome) {
        TransferStatus status = status();
        long now = context.ticker().nanos();
        return new TransferReport(
                request.id(),
                request.attempt(),
                Side.TARGET,
                request.operation(),
                peer().toString(),
                backend.name(),
                "",
                outcome.result(match.blocks().totalBytes(), match.blocks().size(), hold.state()),
                status.bytesDone(),
                status.blocksDone(),
                match.unmatched().size(),
                preparedNanos - startNanos,
                0,
                endedNanos == 0 ? 0 : endedNanos - preparedNanos,
                endedNanos == 0 ? 0 : now - endedNanos);
    }

    TransferStatus status() {
        Ending known = claim.get();
        TargetTransfer accepted = io;
        TransferStatus seen = accepted == null ? null : accepted.status();
        TransferState state = known == null
                ? accepted == null ? TransferState.PREPARING : TransferState.PREPARED
                : hold.isQuarantined() ? TransferState.QUARANTINED : known.state();
        if (known == null && seen != null && seen.bytesDone() > 0) {
            state = TransferState.IN_FLIGHT;
        }
        return new TransferStatus(
                state,
                seen == null ? 0 : seen.bytesDone(),
                match.blocks().totalBytes(),
                seen == null ? 0 : seen.blocksDone(),
                match.blocks().size(),
                known == null ? null : known.error());
    }

    EngineStatus.Entry entry() {
        return new EngineStatus.Entry(
                request.id(),
                request.attempt(),
                Side.TARGET,
                peer().toString(),
                backend.name(),
                status(),
                hold.state(),
                context.ticker().nanos() - startNanos);
    }

    @Override
    public String toString() {
        return "attempt " + request.attempt() + " of " + peer() + " on lease " + request.id();
    }
}
