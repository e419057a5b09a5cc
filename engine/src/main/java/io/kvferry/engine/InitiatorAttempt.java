package io.kvferry.engine;

import io.kvferry.spi.Quiescence;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferState;
import io.kvferry.spi.TransferStatus;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * One attempt of this engine on a peer's lease, as a state machine: prepared, submitted, decided once by whichever of
 * completion, failure, cancel and deadline comes first, and cleaned up once.
 *
 * <p>Every outcome goes through {@link #claimEnd}. A completed transfer is published there and cleaned up by its owner's
 * finish, or at its deadline; any other is cleaned up first, off the caller's thread, and published with what is then known
 * of its memory.
 *
 * <p><b>Threads:</b> Thread-safe. The monitor covers decisions, never a call of a backend or of peer control.
 */
final class InitiatorAttempt {
    private final EngineContext context;
    private final TransfersInHand inHand;
    private final TargetNotices target;
    private final TransferRequest request;
    private final TransfersInHand.Key key;
    private final @Nullable ListenerCalls listeners;
    private final PhaseTimes times;
    private final CompletableFuture<TransferResult> done = new CompletableFuture<>();

    // set before PREPARED is published through state
    private @Nullable Prepared prepared;
    private volatile TransferState state = TransferState.PREPARING;
    private volatile Scheduler.@Nullable Scheduled deadlineTimer;

    // written under the monitor, read without it
    private volatile @Nullable Ending ending;
    private volatile boolean cleaned;
    // guarded by this
    private boolean finishClaimed;

    InitiatorAttempt(
            EngineContext context,
            TransfersInHand inHand,
            TargetNotices target,
            TransferRequest request,
            @Nullable ListenerCalls listeners) {
        this.context = context;
        this.inHand = inHand;
        this.target = target;
        this.request = request;
        this.key = new TransfersInHand.Key(request.id(), request.attempt());
        this.listeners = listeners;
        this.times = new PhaseTimes(context.ticker());
    }

    TransfersInHand.Key key() {
        return key;
    }

    TransferRequest request() {
        return request;
    }

    EngineContext context() {
        return context;
    }

    Prepared prepared() {
        Prepared known = prepared;
        if (known == null) {
            throw new IllegalStateException(this + " is not prepared");
        }
        return known;
    }

    boolean isPrepared() {
        return state != TransferState.PREPARING;
    }

    /** The other side, for people; empty before it is known. */
    String peer() {
        Prepared known = prepared;
        return known == null ? "" : known.peer();
    }

    /** Publishes what preparing produced and starts the clock. */
    void prepared(Prepared result) {
        prepared = result;
        times.prepared();
        state = TransferState.PREPARED;
        deadlineTimer = context.scheduler().schedule(result.deadline(), this::deadlinePassed);
        Ending early = ending;
        if (early != null) {
            cancelTimer();
            context.executor().execute(() -> cleanUp(early));
        }
    }

    /** Ends an attempt that cannot be handed out. One that was not prepared leaves nothing behind but its report. */
    void refuse(TransferException failure) {
        Ending outcome = Ending.of(failure.error());
        if (isPrepared()) {
            if (claimEnd(outcome)) {
                cleanUp(outcome);
            }
            return;
        }
        inHand.remove(this);
        EndReports.refused(request, failure.error(), times, listeners);
    }

    /** A part is about to be handed to the backend. */
    void submitted() {
        if (state == TransferState.PREPARED) {
            times.submitted();
            state = TransferState.SUBMITTED;
        }
    }

    /** How it ended, or null while it runs. */
    @Nullable
    Ending ending() {
        return ending;
    }

    @Nullable
    ListenerCalls listeners() {
        return listeners;
    }

    TargetNotices target() {
        return target;
    }

    private void deadlinePassed() {
        Ending known = ending;
        if (known == null) {
            timeOut(prepared().deadlineReason());
        } else if (known.state() == TransferState.COMPLETED) {
            // completed and never closed: the target must hear of it before its lease ends
            context.executor().execute(() -> cleanUp(known));
        }
    }

    /** Ends the transfer because time is up, unless every block has been applied. */
    void timeOut(String whose) {
        Prepared known = prepared();
        // completion counts before the deadline: a busy machine may run this late (lesson 21)
        TransferStatus io = known.snapshot();
        if (io.blocksDone() == known.matched().size() && !request.confirmed()) {
            end(Ending.COMPLETED);
            return;
        }
        end(known.timedOut(whose, io));
    }

    void cancel() {
        end(cancelled("cancelled by its initiator"));
    }

    /** Cleans up, on this thread; what still runs is cancelled. */
    void finish() {
        Ending known = ending;
        if (known == null) {
            Ending cancelled = cancelled("finished by its initiator before it had ended");
            if (claimEnd(cancelled)) {
                cleanUp(cancelled);
                return;
            }
            known = ending;
        }
        if (known != null && known.state() == TransferState.COMPLETED) {
            cleanUp(known);
        }
    }

    private Ending cancelled(String detail) {
        return Ending.of(TransferError.of(TransferErrorCode.CANCELLED, Stage.TRANSFER, detail)
                .at(Side.INITIATOR, peer()));
    }

    /** Ends the attempt, unless it has ended; before it is prepared, {@link #prepared(Prepared)} does the rest. */
    void end(Ending outcome) {
        if (claimEnd(outcome) && outcome.state() != TransferState.COMPLETED && isPrepared()) {
            context.executor().execute(() -> cleanUp(outcome));
        }
    }

    /** Decides the outcome, once; a completed transfer is published here and now. */
    private boolean claimEnd(Ending outcome) {
        synchronized (this) {
            if (ending != null) {
                return false;
            }
            times.ended(state == TransferState.SUBMITTED);
            ending = outcome;
        }
        if (outcome.state() == TransferState.COMPLETED) {
            publish(outcome, Quiescence.QUIESCENT);
        } else {
            cancelTimer();
        }
        return true;
    }

    private void cancelTimer() {
        Scheduler.Scheduled timer = deadlineTimer;
        if (timer != null) {
            timer.cancel();
        }
    }

    /** Stops, settles the memory, publishes and tells the target. Only the first call does it. */
    private void cleanUp(Ending outcome) {
        synchronized (this) {
            if (cleaned) {
                return;
            }
            cleaned = true;
        }
        cancelTimer();
        Prepared known = prepared();
        MemoryHold hold = known.hold();
        if (outcome.state() == TransferState.CANCELLED && !known.isForeign()) {
            target.cancelled(request, known);
        }
        known.finish(context.finishGrace());
        if (hold.isQuarantined()) {
            var ignored = hold.whenQuiescent().thenRun(this::forgetIfOver);
        }
        if (outcome.state() != TransferState.COMPLETED) {
            publish(outcome, hold.state());
        }
        if (claimFinish() && !known.isForeign()) {
            target.finished(request, known, outcome.state(), null);
        }
        if (TransferEvent.isRecorded()) {
            TransferEvent.emit(EndReports.initiator(request, known, outcome, hold.state(), times));
        }
        forgetIfOver();
    }

    /** FINISH is sent once for each attempt. */
    synchronized boolean claimFinish() {
        boolean first = !finishClaimed;
        finishClaimed = true;
        return first;
    }

    private void publish(Ending outcome, Quiescence memory) {
        Prepared known = prepared();
        done.complete(
                outcome.result(known.matched().totalBytes(), known.matched().size(), memory));
        if (listeners != null) {
            listeners.ended(EndReports.initiator(request, known, outcome, memory, times));
        }
    }

    private void forgetIfOver() {
        if (cleaned && prepared().hold().state() == Quiescence.QUIESCENT) {
            inHand.remove(this);
        }
    }

    /** Completes when the outcome is published. */
    CompletableFuture<TransferResult> done() {
        return done;
    }

    /** The outcome with what is known now; also before it is published, for a caller whose time is up. */
    TransferResult result() {
        Ending known = ending;
        if (known == null || known.state() == TransferState.COMPLETED) {
            return done.join();
        }
        return known.result(0, 0, prepared().hold().state());
    }

    /** A snapshot, without a lock. */
    TransferStatus status() {
        Ending known = ending;
        TransferState phase = state;
        Prepared ready = phase == TransferState.PREPARING ? null : prepared;
        return InitiatorStatus.of(request, ready, phase, known, cleaned);
    }

    /** A line of {@link TransferEngine#status()}. */
    EngineStatus.Entry entry() {
        return InitiatorStatus.entry(request, isPrepared() ? prepared : null, status(), times);
    }

    @Override
    public String toString() {
        return request.operation() + " " + request.id() + " attempt " + request.attempt() + " with " + request.peer();
    }
}
