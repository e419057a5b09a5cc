package io.kvferry.engine;

import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Capability;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferObserver;
import io.kvferry.spi.TransferState;
import io.kvferry.spi.TransferStatus;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The initiator's side of one transfer: prepared, then submitted whole or in parts, watched, and finished.
 *
 * <p><b>Life cycle:</b> {@link TransferEngine#prepare} makes it; exactly one outcome follows: completed, failed, cancelled
 * or timed out, the latter at its deadline without anybody's doing. {@link #close()} is {@link #finish()} and must be
 * called in the end.
 *
 * <p><b>Threads:</b> Thread-safe. {@code status} takes no lock.
 *
 * @since 0.1.0
 */
public final class Transfer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Transfer.class);

    private final Initiator initiator;
    private final TransferRequest request;
    private final Initiator.Key key;
    private final long startNanos;
    private final RangeClaims claims;
    private final CompletableFuture<TransferResult> done = new CompletableFuture<>();
    private final @Nullable ListenerCalls listeners;
    private final TransferObserver observer = new Observer();
    private final ProgressMark progress;

    // set before PREPARED is published through state
    private @Nullable Prepared prepared;
    private long preparedNanos;

    private volatile TransferState state = TransferState.PREPARING;

    private final Object lock = new Object();
    // written under lock, read without it
    private volatile @Nullable Ending ending;
    private volatile boolean cleaned;
    private volatile long endedNanos;
    // guarded by lock
    private int appliedBlocks;
    private boolean finishClaimed;

    private volatile Scheduler.@Nullable Scheduled deadlineTimer;
    private volatile long submittedNanos;

    /**
     * What preparing produced.
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
        /** Whether the other side knows no peer control: then it is told nothing. */
        boolean isForeign() {
            return epoch == 0;
        }
    }

    Transfer(Initiator initiator, TransferRequest request, @Nullable ListenerCalls listeners, long startNanos) {
        this.initiator = initiator;
        this.request = request;
        this.key = new Initiator.Key(request.id(), request.attempt());
        this.listeners = listeners;
        this.startNanos = startNanos;
        this.claims = new RangeClaims(request.blocks().size());
        this.progress = new ProgressMark(initiator.context().ticker());
    }

    /** Ends a transfer that was prepared and cannot be handed out. */
    void abandon(TransferException failure) {
        Ending outcome = Ending.of(failure.error());
        if (claimEnd(outcome)) {
            cleanUp(outcome);
        }
    }

    /** Reports a transfer that never got as far as prepared. */
    void refused(TransferException failure) {
        Ending outcome = Ending.of(failure.error());
        TransferResult result = outcome.result(0, 0, Quiescence.QUIESCENT);
        boolean recorded = TransferEvent.isRecorded();
        if (listeners == null && !recorded) {
            return;
        }
        TransferReport report = new TransferReport(
                request.id(),
                request.attempt(),
                Side.INITIATOR,
                request.operation(),
                failure.error().peer().isEmpty()
                        ? request.peer().toString()
                        : failure.error().peer(),
                Objects.requireNonNullElse(request.backend(), ""),
                "",
                result,
                0,
                0,
                0,
                initiator.context().ticker().nanos() - startNanos,
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

    boolean isPrepared() {
        return state != TransferState.PREPARING;
    }

    Initiator.Key key() {
        return key;
    }

    /** Publishes what preparing produced and starts the clock. */
    void prepared(Prepared result) {
        prepared = result;
        preparedNanos = initiator.context().ticker().nanos();
        state = TransferState.PREPARED;
        deadlineTimer = initiator.context().scheduler().schedule(result.deadline, this::deadlinePassed);
        Ending early = ending;
        if (early != null) {
            cancelTimer();
            initiator.context().executor().execute(() -> cleanUp(early));
        }
    }

    /**
     * Returns the transfer's id.
     *
     * @return the id of the request
     */
    public TransferId id() {
        return request.id();
    }

    /**
     * Returns the attempt.
     *
     * @return the attempt of the request, from 1
     */
    public int attempt() {
        return request.attempt();
    }

    /**
     * Returns the backend that moves the bytes.
     *
     * @return its name
     */
    public String backend() {
        return prepared().selection.backend().name();
    }

    /**
     * Returns which backends were skipped before this one, and why.
     *
     * @return one line, or empty where the first one was taken
     */
    public String selection() {
        return prepared().selection.skipped();
    }

    /**
     * Returns how many blocks of the request the target has not leased; they are left out.
     *
     * @return 0 where both sides name the same keys
     */
    public int unmatched() {
        return request.blocks().size() - prepared().matched.size();
    }

    /**
     * Starts the I/O of all blocks and returns at once.
     *
     * @throws TransferException as {@link #submit(BlockRange)}
     */
    public void submit() {
        submit(new BlockRange(0, request.blocks().size()));
    }

    /**
     * Starts the I/O of some blocks and returns at once. Parts may come from several threads, in any order.
     *
     * @param blocks positions in the request's block list, none of them submitted before
     * @throws TransferException INVALID_REQUEST, without effect, for a range outside the list, an overlap, or a transfer
     *     that has ended; otherwise what the backend refused with, and the transfer has failed with it
     */
    public void submit(BlockRange blocks) {
        Prepared known = prepared();
        if (known.deadline.isExpired()) {
            timeOut(known.deadlineReason);
        }
        refuseIfEnded();
        if (!claims.claim(blocks)) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.SUBMIT,
                    blocks + " overlaps what was submitted before or is outside the "
                            + request.blocks().size() + " blocks of the request");
        }
        if (state == TransferState.PREPARED) {
            submittedNanos = initiator.context().ticker().nanos();
            state = TransferState.SUBMITTED;
        }
        BlockRange matched = known.positions.toMatched(blocks);
        if (matched == null) {
            return;
        }
        try {
            known.io.submit(matched);
        } catch (RuntimeException | Error e) {
            TransferException failure = Failures.of(e, Stage.SUBMIT);
            end(Ending.of(failure.error().at(Side.INITIATOR, known.peer)));
            throw failure;
        }
    }

    private void refuseIfEnded() {
        Ending known = ending;
        if (known != null) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.SUBMIT,
                    "the transfer has ended " + known.state() + (known.error() == null ? "" : ": " + known.error())
                            + "; a new attempt needs a new prepare");
        }
    }

    /**
     * Returns a snapshot. Takes no lock and does not block.
     *
     * @return state, bytes, blocks and error
     */
    public TransferStatus status() {
        Ending known = ending;
        TransferState phase = state;
        Prepared ready = phase == TransferState.PREPARING ? null : prepared;
        if (ready == null) {
            return new TransferStatus(
                    known == null ? phase : known.state(),
                    0,
                    request.blocks().totalBytes(),
                    0,
                    request.blocks().size(),
                    known == null ? null : known.error());
        }
        TransferStatus io = snapshot(ready);
        return new TransferStatus(
                known == null ? beforeEnd(phase, io) : afterEnd(known, ready.hold),
                io.bytesDone(),
                ready.matched.totalBytes(),
                io.blocksDone(),
                ready.matched.size(),
                known == null ? null : known.error());
    }

    private static TransferState beforeEnd(TransferState phase, TransferStatus io) {
        return phase == TransferState.SUBMITTED && io.bytesDone() > 0 ? TransferState.IN_FLIGHT : phase;
    }

    private TransferState afterEnd(Ending known, MemoryHold hold) {
        if (hold.isQuarantined()) {
            return TransferState.QUARANTINED;
        }
        return cleaned && hold.state() == Quiescence.QUIESCENT ? TransferState.FINISHED : known.state();
    }

    /**
     * Returns the outcome.
     *
     * @return the result with what is known of the memory now, or empty while the transfer runs
     */
    public Optional<TransferResult> result() {
        return done.isDone() ? Optional.of(resultNow()) : Optional.empty();
    }

    /** The outcome with what is known now; also before it is published, for a caller whose time is up. */
    private TransferResult resultNow() {
        Ending known = ending;
        if (known == null || known.state() == TransferState.COMPLETED) {
            return done.join();
        }
        return known.result(0, 0, memory());
    }

    /**
     * Waits for the outcome. A deadline that passes is the caller's last word: the transfer ends timed out.
     *
     * @param deadline until when to wait
     * @return how it ended
     * @throws TransferException INVALID_REQUEST when called from a listener or with a deadline on another clock; CANCELLED
     *     when the thread is interrupted, with the transfer going on
     */
    public TransferResult await(Deadline deadline) {
        ListenerThread.refuse("Transfer.await");
        if (!initiator.context().waits().until(done, deadline, Stage.TRANSFER)) {
            timeOut("the caller's wait");
        }
        return resultNow();
    }

    /** Asks for the end. Returns at once; does nothing to a transfer that has ended. */
    public void cancel() {
        end(cancelled("cancelled by its initiator"));
    }

    private Ending cancelled(String detail) {
        return Ending.of(TransferError.of(TransferErrorCode.CANCELLED, Stage.TRANSFER, detail)
                .at(Side.INITIATOR, prepared().peer));
    }

    /**
     * Tells whether this side's memory may be used again.
     *
     * @return QUIESCENT once the data plane will not touch it; QUARANTINED before, also while the transfer runs
     */
    public Quiescence memory() {
        return prepared().hold.state();
    }

    /**
     * Waits until this side's memory may be used again.
     *
     * @param deadline until when to wait
     * @return whether it may
     */
    public boolean awaitQuiescent(Deadline deadline) {
        ListenerThread.refuse("Transfer.awaitQuiescent");
        return initiator.context().waits().until(prepared().hold.whenQuiescent(), deadline, Stage.FINISH);
    }

    /**
     * Tells when this side's memory may be used again.
     *
     * @return completes once it may, perhaps on a thread of a backend: what depends on it must not block
     */
    public CompletionStage<Void> whenQuiescent() {
        return prepared().hold.whenQuiescent().minimalCompletionStage();
    }

    /**
     * Stops what still runs (the transfer ends cancelled), releases, and tells the target, which is not waited for.
     * Idempotent, legal in every state.
     */
    public void finish() {
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

    /** Does what {@link #finish()} does. */
    @Override
    public void close() {
        finish();
    }

    /** Where the backend reports. */
    TransferObserver observer() {
        return observer;
    }

    private final class Observer implements TransferObserver {
        @Override
        public void applied(BlockRange blocks) {
            countApplied(blocks);
        }

        @Override
        public void failed(TransferError error) {
            Prepared known = prepared;
            end(Ending.of(error.at(Side.INITIATOR, known == null ? "" : known.peer)));
        }

        @Override
        public void quiesced() {
            prepared().hold.release();
        }
    }

    private void countApplied(BlockRange blocks) {
        if (ending != null) {
            return;
        }
        Prepared known = prepared();
        // heard before it is counted: whoever counts the last block knows that every other has been heard
        if (listeners != null) {
            known.positions.toOriginal(blocks, listeners::applied);
        }
        int done;
        synchronized (lock) {
            appliedBlocks += blocks.count();
            done = appliedBlocks;
        }
        if (request.operation() == Operation.WRITE
                && !known.isForeign()
                && !known.selection.backend().info().can(Capability.TARGET_PROGRESS)) {
            tellPart(known, blocks);
        }
        if (done >= known.matched.size()) {
            allApplied(known);
        }
    }

    private void tellPart(Prepared known, BlockRange blocks) {
        var ignored = initiator
                .peerControl()
                .call(
                        request.peer(),
                        new PeerRequest.Part(
                                request.id(),
                                request.attempt(),
                                initiator.context().self(),
                                known.epoch,
                                blocks),
                        known.deadline)
                .whenComplete((ack, failure) -> {
                    if (failure != null) {
                        LOG.debug("transfer {}: the target did not take PART {}", request.id(), blocks, failure);
                    }
                });
    }

    private void allApplied(Prepared known) {
        if (!request.confirmed()) {
            end(Ending.COMPLETED);
            return;
        }
        if (claimFinish()) {
            initiator
                    .finisher()
                    .tell(
                            request.peer(),
                            finishMessage(known, TransferState.COMPLETED),
                            (reply, failure) -> end(reply == null ? unconfirmed(failure) : confirmed(reply)));
        }
    }

    private static Ending confirmed(PeerReply.Finished reply) {
        TransferError error = reply.error();
        if (reply.outcome() == TransferState.COMPLETED) {
            return Ending.COMPLETED;
        }
        return Ending.of(
                error != null
                        ? error
                        : TransferError.of(
                                TransferErrorCode.TRANSFER_FAILED,
                                Stage.FINISH,
                                "the target decided " + reply.outcome()));
    }

    private Ending unconfirmed(@Nullable TransferException failure) {
        return Ending.of(
                failure != null
                        ? failure.error()
                        : TransferError.of(
                                TransferErrorCode.PEER_LOST, Stage.FINISH, request.peer() + " did not confirm"));
    }

    private void deadlinePassed() {
        Ending known = ending;
        if (known == null) {
            timeOut(prepared().deadlineReason);
        } else if (known.state() == TransferState.COMPLETED) {
            // completed and never closed: the target must hear of it before its lease ends
            initiator.context().executor().execute(() -> cleanUp(known));
        }
    }

    private void timeOut(String whose) {
        Prepared known = prepared();
        // completion counts before the deadline: a busy machine may run this late (lesson 21)
        TransferStatus io = snapshot(known);
        if (io.blocksDone() == known.matched.size() && !request.confirmed()) {
            end(Ending.COMPLETED);
            return;
        }
        end(Ending.of(TransferError.of(
                        TransferErrorCode.DEADLINE_EXCEEDED,
                        Stage.TRANSFER,
                        whose + " passed with " + io.bytesDone() + " of " + known.matched.totalBytes()
                                + " bytes applied; more may have been written")
                .at(Side.INITIATOR, known.peer)));
    }

    /** The backend's view; one that throws knows nothing. */
    private TransferStatus snapshot(Prepared known) {
        try {
            return known.io.status();
        } catch (RuntimeException | Error e) {
            LOG.error("{}: the backend has no status", this, e);
            return new TransferStatus(state, 0, known.matched.totalBytes(), 0, known.matched.size(), null);
        }
    }

    private void end(Ending outcome) {
        if (claimEnd(outcome) && outcome.state() != TransferState.COMPLETED && state != TransferState.PREPARING) {
            initiator.context().executor().execute(() -> cleanUp(outcome));
        }
    }

    /** Decides the outcome, once; a completed transfer is published here and now. */
    private boolean claimEnd(Ending outcome) {
        synchronized (lock) {
            if (ending != null) {
                return false;
            }
            endedNanos = initiator.context().ticker().nanos();
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
        synchronized (lock) {
            if (cleaned) {
                return;
            }
            cleaned = true;
        }
        cancelTimer();
        Prepared known = prepared();
        if (outcome.state() == TransferState.CANCELLED && !known.isForeign()) {
            tellCancel(known);
        }
        Quiescence answer = initiator.finishBackend(known.io, request.id());
        known.hold.settle(answer);
        if (known.hold.isQuarantined()) {
            var ignored = known.hold.whenQuiescent().thenRun(this::forgetIfOver);
        }
        PeerChannel channel = known.channel;
        if (channel != null) {
            // what both sides have begun is drained over it
            var ignored = known.hold.whenQuiescent().thenRun(channel::close);
        }
        if (outcome.state() != TransferState.COMPLETED) {
            publish(outcome, known.hold.state());
        }
        if (claimFinish() && !known.isForeign()) {
            initiator.finisher().tell(request.peer(), finishMessage(known, outcome.state()), null);
        }
        if (TransferEvent.isRecorded()) {
            TransferEvent.emit(report(outcome, known.hold.state()));
        }
        forgetIfOver();
    }

    private void tellCancel(Prepared known) {
        var ignored = initiator
                .peerControl()
                .call(
                        request.peer(),
                        new PeerRequest.Cancel(
                                request.id(),
                                request.attempt(),
                                initiator.context().self()),
                        initiator.finishDeadline())
                .whenComplete((ack, failure) -> {
                    if (failure != null) {
                        LOG.debug("transfer {}: {} did not take CANCEL", request.id(), known.peer, failure);
                    }
                });
    }

    /** FINISH is sent once for each attempt. */
    private boolean claimFinish() {
        synchronized (lock) {
            boolean first = !finishClaimed;
            finishClaimed = true;
            return first;
        }
    }

    private PeerRequest.Finish finishMessage(Prepared known, TransferState outcome) {
        long bytes = known.matched.totalBytes();
        int blocks = known.matched.size();
        if (outcome != TransferState.COMPLETED) {
            TransferStatus io = snapshot(known);
            bytes = io.bytesDone();
            blocks = io.blocksDone();
        }
        return new PeerRequest.Finish(
                request.id(), request.attempt(), initiator.context().self(), known.epoch, outcome, bytes, blocks);
    }

    private void publish(Ending outcome, Quiescence memory) {
        Prepared known = prepared();
        done.complete(outcome.result(known.matched.totalBytes(), known.matched.size(), memory));
        if (listeners != null) {
            listeners.ended(report(outcome, memory));
        }
    }

    private TransferReport report(Ending outcome, Quiescence memory) {
        Prepared known = prepared();
        TransferStatus io = snapshot(known);
        long submitted = state == TransferState.PREPARED ? endedNanos : submittedNanos;
        return new TransferReport(
                request.id(),
                request.attempt(),
                Side.INITIATOR,
                request.operation(),
                known.peer,
                known.selection.backend().name(),
                known.selection.skipped(),
                outcome.result(known.matched.totalBytes(), known.matched.size(), memory),
                io.bytesDone(),
                io.blocksDone(),
                unmatched(),
                preparedNanos - startNanos,
                submitted - preparedNanos,
                endedNanos - submitted,
                initiator.context().ticker().nanos() - endedNanos);
    }

    private void forgetIfOver() {
        if (cleaned && prepared().hold.state() == Quiescence.QUIESCENT) {
            initiator.forget(this);
        }
    }

    /** A line of {@link TransferEngine#status()}. */
    EngineStatus.Entry entry() {
        Prepared known = state == TransferState.PREPARING ? null : prepared;
        TransferStatus now = status();
        return new EngineStatus.Entry(
                request.id(),
                request.attempt(),
                Side.INITIATOR,
                request.operation(),
                known == null ? request.peer().toString() : known.peer,
                known == null ? "" : known.selection.backend().name(),
                known == null ? "" : known.io.lanes(),
                now,
                ProgressMark.stage(now),
                known == null ? Quiescence.QUARANTINED : known.hold.state(),
                known == null ? 0 : known.hold.quarantinedBytes(),
                initiator.context().ticker().nanos() - startNanos,
                progress.quietNanos(now),
                remainingNanos(known));
    }

    private long remainingNanos(@Nullable Prepared known) {
        Deadline until = known == null ? request.deadline() : known.deadline;
        return until == null ? 0 : until.remainingNanos();
    }

    private Prepared prepared() {
        Prepared known = prepared;
        if (known == null) {
            throw new IllegalStateException("transfer " + request.id() + " is not prepared");
        }
        return known;
    }

    @Override
    public String toString() {
        return request.operation() + " " + request.id() + " attempt " + request.attempt() + " with " + request.peer();
    }
}
