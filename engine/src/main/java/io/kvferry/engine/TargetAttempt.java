package io.kvferry.engine;

import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Capability;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.MemoryHandle;
import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TargetTransfer;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferObserver;
import io.kvferry.spi.TransferState;
import io.kvferry.spi.TransferStatus;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * One attempt of a peer on a lease, as a state machine: accepted, watched, and decided once, by whichever of finish, expiry,
 * cancel and failure comes first.
 *
 * <p>Every outcome goes through {@link #claimEnd}, then {@link #stop}: seal, drain, verify, decide.
 *
 * <p><b>Threads:</b> Thread-safe. The monitor covers decisions, never a call of the backend.
 */
final class TargetAttempt implements TransferObserver {
    private final TargetLease lease;
    private final EngineContext context;
    private final Admission admission;
    private final EngineChannel channel = new EngineChannel();
    private final PhaseTimes times;

    private final CompletableFuture<PeerReply.Prepared> prepared = new CompletableFuture<>();
    private final CompletableFuture<PeerReply.Finished> over = new CompletableFuture<>();
    private volatile @Nullable TargetTransfer io;

    // written under the monitor, read without it: the first one wins
    private volatile @Nullable Ending ending;
    private volatile boolean initiatorTold;
    // guarded by this
    private boolean stopped;

    TargetAttempt(TargetLease lease, EngineContext context, Admission admission) {
        this.lease = lease;
        this.context = context;
        this.admission = admission;
        this.times = new PhaseTimes(context.ticker());
    }

    PeerIdentity peer() {
        return admission.request().self();
    }

    int number() {
        return admission.request().attempt();
    }

    boolean is(int number, long epoch) {
        return number == number() && epoch == admission.epoch();
    }

    /** Whether its initiator knows the end, as it asked for it or was refused; else its FINISH has yet to come. */
    boolean isInitiatorTold() {
        return initiatorTold;
    }

    /** For how long its FINISH is repeated. */
    long horizonNanos() {
        return admission.request().horizonNanos();
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
        return over.isDone() && admission.hold().state() == Quiescence.QUIESCENT;
    }

    /** Lets the backend accept, and answers PREPARE. Called once, without any lock. */
    void accept(List<MemoryHandle> handles, Deadline leaseDeadline, Deadline deadline) {
        TargetTransfer accepted;
        try {
            accepted = admission
                    .backend()
                    .backend()
                    .accept(
                            admission.plan(context.self(), handles, leaseDeadline, this, channel),
                            TransferEnvelopes.proposal(admission.request()),
                            deadline);
        } catch (RuntimeException | Error e) {
            times.accepted();
            refuse(Failures.of(e, Stage.PREPARE));
            return;
        }
        times.accepted();
        io = accepted;
        try {
            PeerReply.Prepared reply = admission.reply(context.self(), accepted.descriptor(), lease.remainingNanos());
            if (ending == null) {
                prepared.complete(reply);
            }
            Ending early = ending;
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
        initiatorTold = Failures.isRefusal(failure.error().at(Side.TARGET, ""));
        claimEnd(outcome);
        claimStop();
        admission.hold().release();
        channel.close();
        prepared.completeExceptionally(failure);
        decide(outcome);
    }

    void connect(PeerChannel opened) {
        channel.connect(opened);
    }

    @Override
    public void applied(BlockRange blocks) {
        if (seesParts() && !over.isDone()) {
            admission.match().inLease().toOriginal(blocks, lease.blocks()::applied);
        }
    }

    @Override
    public void failed(TransferError error) {
        end(Ending.of(error.at(Side.TARGET, peer().toString())));
    }

    @Override
    public void quiesced() {
        admission.hold().release();
    }

    /** PART: the initiator saw blocks applied that this backend's target side cannot see. */
    void part(PeerRequest.Part part) {
        if (part.epoch() != admission.epoch() || ending != null) {
            return;
        }
        int size = admission.match().blocks().size();
        if (part.blocks().end() > size) {
            throw new TransferException(
                    TransferErrorCode.PROTOCOL_ERROR,
                    Stage.TRANSFER,
                    part.blocks() + " is outside the " + size + " matched blocks");
        }
        if (!seesParts()) {
            admission.match().inLease().toOriginal(part.blocks(), lease.blocks()::applied);
        }
    }

    private boolean seesParts() {
        return admission.backend().info().can(Capability.TARGET_PROGRESS);
    }

    /** FINISH: the initiator's outcome is taken, unless this side has decided before. */
    CompletableFuture<PeerReply.Finished> finish(PeerRequest.Finish finish) {
        Ending outcome =
                TargetVerdict.told(finish, admission.epoch(), admission.match().blocks());
        initiatorTold = true;
        if (claimEnd(outcome)) {
            stop(outcome);
        }
        return over;
    }

    /** Its initiator has given it up for a newer one, which waits until this one's memory is quiescent (R6). */
    TransferException giveUpFor(PeerRequest.Prepare newer) {
        end(Ending.of(TransferError.of(
                        TransferErrorCode.TRANSFER_FAILED,
                        Stage.TRANSFER,
                        "given up by its initiator for attempt " + newer.attempt() + " of " + newer.self())
                .at(Side.TARGET, "")));
        return new TransferException(
                TransferErrorCode.NOT_QUIESCENT,
                Stage.PREPARE,
                "attempt " + number() + " may still touch this memory; try again soon");
    }

    /** Ends the attempt, unless it has been decided already. */
    void end(Ending outcome) {
        if (claimEnd(outcome)) {
            context.executor().execute(() -> stop(outcome));
        }
    }

    private synchronized boolean claimEnd(Ending outcome) {
        if (ending != null) {
            return false;
        }
        times.ended(true);
        ending = outcome;
        return true;
    }

    private synchronized boolean claimStop() {
        boolean first = !stopped;
        stopped = true;
        return first;
    }

    /** Runs once, when both the end and the backend's acceptance are known. */
    private void stop(Ending outcome) {
        TargetTransfer accepted = io;
        if (accepted == null || !claimStop()) {
            return;
        }
        MemoryHold hold = admission.hold();
        admission.finish(accepted, outcome, context.finishGrace());
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
            hold.afterDrain(() -> decide(TargetVerdict.verified(admission, snapshot())));
        } else {
            decide(
                    outcome.state() == TransferState.COMPLETED
                            ? TargetVerdict.verified(admission, snapshot())
                            : outcome);
        }
    }

    private void decide(Ending outcome) {
        Quiescence memory = admission.hold().state();
        TransferReport report = EndReports.target(admission, outcome, memory, snapshot(), times);
        if (TransferEvent.isRecorded()) {
            TransferEvent.emit(report);
        }
        PeerReply.Finished reply = new PeerReply.Finished(outcome.state(), outcome.error());
        // first remembered, so that a late PREPARE of this attempt finds its tombstone
        lease.remember(this, reply, report);
        // before anybody hears of the end, so that a lease which ends quiescent is never published as quarantined
        if (admission.hold().state() == Quiescence.QUIESCENT) {
            lease.forget(this);
        }
        over.complete(reply);
        lease.forgetIfSettled(this);
        lease.attemptOver(outcome);
    }

    private TransferStatus snapshot() {
        return admission.snapshot(io);
    }

    /** A snapshot, without a lock. */
    TransferStatus status() {
        return TargetStatus.of(admission, io, ending);
    }

    /** A line of {@link TransferEngine#status()}. */
    EngineStatus.Entry entry() {
        return TargetStatus.entry(admission, io, status(), times, lease.remainingNanos());
    }

    @Override
    public String toString() {
        return "attempt " + number() + " of " + peer() + " on lease " + lease.id();
    }
}
