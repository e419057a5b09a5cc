package io.kvferry.engine;

import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Capability;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Descriptor;
import io.kvferry.spi.MemoryHandle;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.Proposal;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TargetPlan;
import io.kvferry.spi.TargetTransfer;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferObserver;
import io.kvferry.spi.TransferState;
import io.kvferry.spi.TransferStatus;
import java.util.List;
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
    private final EngineChannel channel = new EngineChannel();
    private final long startNanos;
    private final ProgressMark progress;

    private final CompletableFuture<PeerReply.Prepared> prepared = new CompletableFuture<>();
    private final CompletableFuture<PeerReply.Finished> over = new CompletableFuture<>();
    /** How it ends: the first one wins. */
    private final AtomicReference<@Nullable Ending> ending = new AtomicReference<>();

    private final AtomicBoolean stopped = new AtomicBoolean();
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
        this.startNanos = context.ticker().nanos();
        this.progress = new ProgressMark(context.ticker());
        this.preparedNanos = startNanos;
        this.endedNanos = startNanos;
    }

    PeerIdentity peer() {
        return request.self();
    }

    int number() {
        return request.attempt();
    }

    /** The answer to PREPARE. */
    CompletableFuture<PeerReply.Prepared> prepared() {
        return prepared;
    }

    /** Completes with the answer to FINISH once the attempt is decided, however that came. */
    CompletableFuture<PeerReply.Finished> over() {
        return over;
    }

    boolean isOver() {
        return over.isDone();
    }

    /** Tells whether nothing of this attempt is left: decided, and its memory given back. */
    boolean isSettled() {
        return over.isDone() && hold.state() == Quiescence.QUIESCENT;
    }

    /** Lets the backend accept, and answers PREPARE. Called once, without any lock. */
    void accept(List<MemoryHandle> handles, Deadline leaseDeadline, Deadline deadline) {
        TargetTransfer accepted;
        try {
            accepted = backend.backend().accept(plan(handles, leaseDeadline), proposal(), deadline);
        } catch (RuntimeException | Error e) {
            refuse(Failures.of(e, Stage.PREPARE));
            return;
        }
        io = accepted;
        preparedNanos = context.ticker().nanos();
        try {
            PeerReply.Prepared reply = reply(accepted.descriptor());
            Ending early = ending.get();
            if (early == null) {
                prepared.complete(reply);
                early = ending.get();
            }
            if (early != null) {
                prepared.completeExceptionally(ended(early));
                stop(early);
            }
        } catch (RuntimeException | Error e) {
            TransferException failure = Failures.of(e, Stage.PREPARE);
            prepared.completeExceptionally(failure);
            end(Ending.of(failure.error()));
        }
    }

    private TargetPlan plan(List<MemoryHandle> handles, Deadline leaseDeadline) {
        PeerChannel channelForBackend = backend.info().can(Capability.PEER_CHANNEL) ? channel : null;
        return new TargetPlan(
                request.id(),
                request.attempt(),
                epoch,
                request.operation(),
                context.self(),
                request.self(),
                match.blocks(),
                handles,
                leaseDeadline,
                this,
                channelForBackend);
    }

    private Proposal proposal() {
        return new Proposal(Envelopes.open(
                new Envelopes.Address(
                        Envelopes.Kind.PROPOSAL,
                        request.wireId(),
                        request.id(),
                        request.attempt(),
                        0,
                        request.self().bootId()),
                request.proposal()));
    }

    private PeerReply.Prepared reply(Descriptor descriptor) {
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

    private static TransferException ended(Ending early) {
        TransferError error = early.error();
        return error != null
                ? new TransferException(error)
                : new TransferException(
                        TransferErrorCode.CANCELLED, Stage.PREPARE, "the attempt was finished while it was prepared");
    }

    /** The backend has not accepted: nothing of this attempt lives here. */
    private void refuse(TransferException failure) {
        Ending outcome = Ending.of(failure.error());
        ending.compareAndSet(null, outcome);
        stopped.set(true);
        hold.release();
        channel.close();
        prepared.completeExceptionally(failure);
        decide(outcome);
    }

    void connect(PeerChannel opened) {
        channel.connect(opened);
    }

    boolean is(int number, long itsEpoch) {
        return number == number() && itsEpoch == epoch;
    }

    @Override
    public void applied(BlockRange blocks) {
        if (backend.info().can(Capability.TARGET_PROGRESS) && !over.isDone()) {
            match.inLease().toOriginal(blocks, lease::applied);
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
        if (part.epoch() != epoch || ending.get() != null) {
            return;
        }
        if (part.blocks().end() > match.blocks().size()) {
            throw new TransferException(
                    TransferErrorCode.PROTOCOL_ERROR,
                    Stage.TRANSFER,
                    part.blocks() + " is outside the " + match.blocks().size() + " matched blocks");
        }
        if (!backend.info().can(Capability.TARGET_PROGRESS)) {
            match.inLease().toOriginal(part.blocks(), lease::applied);
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
        checkEpoch(finish);
        Ending outcome = switch (finish.outcome()) {
            case COMPLETED -> Ending.COMPLETED;
            case CANCELLED -> told(finish, TransferErrorCode.CANCELLED);
            case TIMED_OUT -> told(finish, TransferErrorCode.DEADLINE_EXCEEDED);
            case FAILED -> told(finish, TransferErrorCode.TRANSFER_FAILED);
            default -> throw protocolError("FINISH with outcome " + finish.outcome());
        };
        if (claimEnd(outcome)) {
            stop(outcome);
        }
        return over;
    }

    /** The epoch is what an initiator alone can know; without it an attempt can be given up, never completed. */
    private void checkEpoch(PeerRequest.Finish finish) {
        boolean completed = finish.outcome() == TransferState.COMPLETED;
        if (finish.epoch() != epoch && (completed || finish.epoch() != 0)) {
            throw protocolError("FINISH " + finish.outcome() + " of another epoch");
        }
        BlockList blocks = match.blocks();
        if (completed && (finish.blocks() != blocks.size() || finish.bytes() != blocks.totalBytes())) {
            throw protocolError("FINISH COMPLETED of " + finish.blocks() + " blocks and " + finish.bytes()
                    + " bytes, prepared were " + blocks.size() + " and " + blocks.totalBytes());
        }
    }

    private TransferException protocolError(String detail) {
        return new TransferException(TransferErrorCode.PROTOCOL_ERROR, Stage.FINISH, this + ": " + detail);
    }

    private Ending told(PeerRequest.Finish finish, TransferErrorCode code) {
        return Ending.of(
                error(code, "the initiator ended " + finish.outcome() + " after " + finish.bytes() + " bytes", true));
    }

    private TransferError error(TransferErrorCode code, String detail, boolean memorySafe) {
        return new TransferError(code, code.number(), Stage.FINISH, Side.TARGET, peer().toString(), memorySafe, detail);
    }

    private boolean claimEnd(Ending outcome) {
        if (!ending.compareAndSet(null, outcome)) {
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
        if (hold.isQuarantined()) {
            var ignored = hold.whenQuiescent().thenRun(() -> {
                // what both sides have begun is drained over it
                channel.close();
                lease.forgetIfSettled(this);
            });
        } else {
            channel.close();
        }
        if (outcome.state() == TransferState.COMPLETED && hold.isQuarantined()) {
            // the last bytes may be landing: the decision waits for the drain, no longer than the grace
            awaitDrain(() -> decide(verify(outcome)));
        } else {
            decide(verify(outcome));
        }
    }

    private Quiescence finishBackend(TargetTransfer accepted, Ending outcome) {
        Quiescence answer;
        try {
            accepted.seal();
            answer = accepted.finish(context.after(context.settings().get(EngineConfigKeys.FINISH_GRACE)));
        } catch (RuntimeException | Error e) {
            LOG.error("{}: the backend could not finish; its memory goes into quarantine", this, e);
            return Quiescence.QUARANTINED;
        }
        boolean initiatorIsDone = outcome.state() == TransferState.COMPLETED;
        boolean canRevoke = backend.info().can(Capability.REVOKE);
        return initiatorIsDone || canRevoke ? answer : Quiescence.QUARANTINED;
    }

    private void awaitDrain(Runnable then) {
        CompletableFuture<Void> drained = new CompletableFuture<>();
        var ignored = hold.whenQuiescent().thenRun(() -> drained.complete(null));
        Scheduler.Scheduled grace;
        try {
            grace = context.scheduler()
                    .schedule(
                            context.after(context.settings().get(EngineConfigKeys.FINISH_GRACE)),
                            () -> drained.complete(null));
        } catch (TransferException closing) {
            then.run();
            return;
        }
        runWhenDrained(drained, grace, then);
    }

    private void runWhenDrained(CompletableFuture<Void> drained, Scheduler.Scheduled grace, Runnable then) {
        var ignored = drained.thenRunAsync(
                () -> {
                    grace.cancel();
                    then.run();
                },
                context.executor());
    }

    private Ending verify(Ending outcome) {
        if (outcome.state() != TransferState.COMPLETED) {
            return outcome;
        }
        if (hold.isQuarantined()) {
            return Ending.of(error(
                    TransferErrorCode.NOT_QUIESCENT,
                    "the initiator says completed, but this side could not prove that nothing more arrives",
                    false));
        }
        int seen = snapshot().blocksDone();
        if (request.operation() == Operation.WRITE
                && backend.info().can(Capability.TARGET_PROGRESS)
                && seen != match.blocks().size()) {
            return Ending.of(error(
                    TransferErrorCode.TRANSFER_FAILED,
                    "the initiator says completed, but " + seen + " of "
                            + match.blocks().size() + " blocks have arrived",
                    true));
        }
        return outcome;
    }

    private void decide(Ending outcome) {
        TransferReport report = report(outcome);
        if (TransferEvent.isRecorded()) {
            TransferEvent.emit(report);
        }
        PeerReply.Finished reply = new PeerReply.Finished(outcome.state(), outcome.error());
        // first remembered, so that a late PREPARE of this attempt finds its tombstone
        lease.remember(this, outcome, reply, report);
        // before anybody hears of the end, so that a lease which ends quiescent is never published as quarantined
        if (hold.state() == Quiescence.QUIESCENT) {
            lease.forget(this);
        }
        over.complete(reply);
        lease.forgetIfSettled(this);
        lease.attemptOver(outcome);
    }

    private TransferReport report(Ending outcome) {
        TransferStatus status = snapshot();
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
                endedNanos - preparedNanos,
                context.ticker().nanos() - endedNanos);
    }

    /** The backend's view; one that throws knows nothing. */
    private TransferStatus snapshot() {
        TargetTransfer accepted = io;
        if (accepted != null) {
            try {
                return accepted.status();
            } catch (RuntimeException | Error e) {
                LOG.error("{}: the backend has no status", this, e);
            }
        }
        return new TransferStatus(
                TransferState.PREPARING,
                0,
                match.blocks().totalBytes(),
                0,
                match.blocks().size(),
                null);
    }

    TransferStatus status() {
        Ending known = ending.get();
        TransferStatus seen = snapshot();
        TransferState state;
        if (known != null) {
            state = hold.isQuarantined() ? TransferState.QUARANTINED : known.state();
        } else if (seen.bytesDone() > 0) {
            state = TransferState.IN_FLIGHT;
        } else {
            state = io == null ? TransferState.PREPARING : TransferState.PREPARED;
        }
        return new TransferStatus(
                state,
                seen.bytesDone(),
                match.blocks().totalBytes(),
                seen.blocksDone(),
                match.blocks().size(),
                known == null ? null : known.error());
    }

    EngineStatus.Entry entry() {
        TargetTransfer accepted = io;
        TransferStatus now = status();
        return new EngineStatus.Entry(
                request.id(),
                request.attempt(),
                Side.TARGET,
                request.operation(),
                peer().toString(),
                backend.name(),
                accepted == null ? "" : accepted.lanes(),
                now,
                ProgressMark.stage(now),
                hold.state(),
                hold.quarantinedBytes(),
                context.ticker().nanos() - startNanos,
                progress.quietNanos(now),
                lease.remainingNanos());
    }

    @Override
    public String toString() {
        return "attempt " + request.attempt() + " of " + peer() + " on lease " + request.id();
    }
}
