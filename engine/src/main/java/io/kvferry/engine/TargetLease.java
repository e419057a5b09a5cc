package io.kvferry.engine;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerIdentity;
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
import io.kvferry.spi.TransferState;
import io.kvferry.spi.TransferStatus;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * A lease as its engine has it: lets attempts in, remembers what is in place, and is decided once, by the end of its
 * transfer, its owner, its deadline or the engine's close.
 *
 * <p><b>Threads:</b> Thread-safe. Its monitor covers decisions, never a call of a backend; it comes before those of {@link
 * LeasedBlocks} and {@link Tombstones}.
 */
final class TargetLease {
    private final LeaseTable table;
    private final TargetAttempts entrance;
    private final EngineContext context;
    private final LeaseRequest request;
    private final Deadline deadline;
    private final @Nullable ListenerCalls listeners;
    private final LeasedBlocks blocks;
    private final CompletableFuture<TransferResult> done = new CompletableFuture<>();
    private final long startNanos;

    // guarded by this
    private final LeaseAttempts attempts;
    private @Nullable Ending ending;
    private Scheduler.@Nullable Scheduled timer;
    private @Nullable CompletableFuture<Void> quiescent;

    TargetLease(
            LeaseTable table,
            TargetAttempts entrance,
            EngineContext context,
            LeaseRequest request,
            Deadline deadline,
            @Nullable ListenerCalls listeners) {
        this.table = table;
        this.entrance = entrance;
        this.context = context;
        this.request = request;
        this.deadline = deadline;
        this.listeners = listeners;
        this.blocks = new LeasedBlocks(request.blocks(), listeners, context.waits());
        this.attempts = new LeaseAttempts(request, table.tombstones());
        this.startNanos = context.ticker().nanos();
    }

    TransferId id() {
        return request.id();
    }

    LeaseRequest request() {
        return request;
    }

    /** Remaining time, for PREPARED. */
    long remainingNanos() {
        return deadline.remainingNanos();
    }

    /** Starts the clock. */
    void start() {
        Scheduler.Scheduled scheduled = context.scheduler().schedule(deadline, () -> expire("the lease's deadline"));
        boolean over;
        synchronized (this) {
            timer = scheduled;
            over = ending != null;
        }
        if (over) {
            scheduled.cancel();
        }
    }

    /**
     * PREPARE on this lease.
     *
     * @throws TransferException the refusal
     */
    CompletableFuture<PeerReply.Prepared> prepare(
            PeerRequest.Prepare prepare, OpenBackend backend, Deadline prepareDeadline) {
        LeaseMatch match = LeaseMatch.of(request, prepare);
        TargetAttempt inTheWay;
        TargetAttempt attempt;
        synchronized (this) {
            if (ending != null || deadline.isExpired()) {
                throw new TransferException(TransferErrorCode.LEASE_ENDED, Stage.PREPARE, "the lease has ended");
            }
            table.checkNotOver(prepare);
            TargetAttempt same = attempts.find(prepare.self(), prepare.attempt());
            if (same != null) {
                return same.prepared();
            }
            inTheWay = attempts.inTheWayOf(prepare);
            attempt = inTheWay != null ? inTheWay : admit(prepare, backend, match);
        }
        if (inTheWay != null) {
            throw inTheWay.giveUpFor(prepare);
        }
        attempt.accept(entrance.handles(match.blocks(), backend), deadline, prepareDeadline);
        return attempt.prepared();
    }

    private TargetAttempt admit(PeerRequest.Prepare prepare, OpenBackend backend, LeaseMatch match) {
        TargetAttempt attempt = entrance.admit(this, prepare, backend, match);
        attempts.add(attempt);
        if (!request.standing()) {
            blocks.restart();
        }
        return attempt;
    }

    /** What is in place. */
    LeasedBlocks blocks() {
        return blocks;
    }

    synchronized List<TargetAttempt> attempts() {
        return attempts.all();
    }

    /** Finds a live or quarantined attempt. */
    @Nullable
    synchronized TargetAttempt attempt(PeerIdentity peer, int number) {
        return attempts.find(peer, number);
    }

    /** An attempt is decided: whatever of it comes late is answered from its tombstone. */
    synchronized void remember(TargetAttempt attempt, PeerReply.Finished reply, TransferReport report) {
        attempts.remember(attempt, reply, report);
    }

    /**
     * Remembers the end of an attempt that never came to this lease.
     *
     * @return the attempt, where it has come meanwhile: then nothing is remembered, and the caller ends it
     * @throws TransferException RESOURCE_EXHAUSTED where there is no room for one more
     */
    @Nullable
    synchronized TargetAttempt rememberUnknown(PeerIdentity peer, int attempt, PeerReply.Finished reply) {
        TargetAttempt live = attempts.find(peer, attempt);
        if (live == null) {
            attempts.rememberUnknown(peer, attempt, reply);
        }
        return live;
    }

    /** An attempt that is decided and whose memory has been given back is in nobody's way. */
    synchronized void forget(TargetAttempt attempt) {
        attempts.remove(attempt);
    }

    /** An attempt of which nothing is left need not be kept. */
    void forgetIfSettled(TargetAttempt attempt) {
        if (attempt.isSettled()) {
            forget(attempt);
            tellIfQuiescent();
        }
    }

    /** An attempt is over; for a lease of one transfer this may be the end. */
    void attemptOver(Ending outcome) {
        if (!request.standing()
                && (outcome.state() == TransferState.COMPLETED || outcome.state() == TransferState.CANCELLED)) {
            end(outcome);
        }
    }

    void revoke() {
        end(Ending.of(TransferError.of(TransferErrorCode.CANCELLED, Stage.TRANSFER, "revoked by the target")
                .at(Side.TARGET, "")));
    }

    private void expire(String whose) {
        TransferError last;
        synchronized (this) {
            last = attempts.lastError();
        }
        String detail = whose + " passed" + (last == null ? "" : "; the last attempt ended with " + last);
        TransferError error = TransferError.of(TransferErrorCode.LEASE_ENDED, Stage.TRANSFER, detail)
                .at(Side.TARGET, "");
        end(new Ending(TransferState.TIMED_OUT, error));
    }

    /** Decides the lease, once, then stops its attempts and publishes. */
    void end(Ending outcome) {
        List<TargetAttempt> running;
        Scheduler.Scheduled expiry;
        synchronized (this) {
            if (ending != null) {
                return;
            }
            ending = outcome;
            running = attempts.all();
            expiry = timer;
            blocks.close(outcome.state() == TransferState.COMPLETED);
        }
        if (expiry != null) {
            expiry.cancel();
        }
        table.ended(this);
        running.forEach(attempt -> attempt.end(outcome));
        CompletableFuture<Void> allOver = CompletableFuture.allOf(
                running.stream().map(TargetAttempt::over).toArray(CompletableFuture<?>[]::new));
        var ignored = allOver.thenRun(() -> publish(outcome));
    }

    private void publish(Ending outcome) {
        table.release(this);
        blocks.release(outcome.state() == TransferState.COMPLETED);
        done.complete(result(outcome, memory()));
        if (listeners != null) {
            listeners.ended(endReport(outcome));
        }
        tellIfQuiescent();
    }

    private synchronized TransferReport endReport(Ending outcome) {
        return EndReports.lease(
                request,
                attempts.lastReport(),
                result(outcome, memoryNow()),
                context.ticker().nanos() - startNanos);
    }

    /** Waits for the end; at the deadline it has come. */
    TransferResult await(Deadline waitUntil) {
        if (!context.waits().until(done, waitUntil, Stage.TRANSFER)) {
            expire("the caller's wait");
        }
        return result();
    }

    /** Completes when the lease has ended and been published. */
    CompletableFuture<TransferResult> done() {
        return done;
    }

    /** The outcome with what is known now; also before it is published, for a caller whose time is up. */
    TransferResult result() {
        Ending known;
        Quiescence memory;
        synchronized (this) {
            known = ending;
            memory = memoryNow();
        }
        return known == null ? done.join() : result(known, memory);
    }

    private TransferResult result(Ending outcome, Quiescence memory) {
        return outcome.result(request.blocks().totalBytes(), request.blocks().size(), memory);
    }

    /** A snapshot, of the newest attempt where there is one. */
    TransferStatus status() {
        TargetAttempt newest;
        synchronized (this) {
            newest = ending == null ? attempts.newest() : null;
            if (newest == null) {
                return blocks.status(stateNow(), ending == null ? attempts.lastError() : ending.error());
            }
        }
        return newest.status();
    }

    private TransferState stateNow() {
        if (ending == null) {
            return TransferState.NEW;
        }
        return attempts.isEmpty() ? TransferState.FINISHED : TransferState.QUARANTINED;
    }

    /** A line of {@link TransferEngine#status()}. */
    synchronized EngineStatus.Offer offer() {
        return EngineStatus.Offer.of(
                request, attempts.size(), context.ticker().nanos() - startNanos, deadline.remainingNanos());
    }

    synchronized Quiescence memory() {
        return memoryNow();
    }

    private Quiescence memoryNow() {
        return ending != null && attempts.isEmpty() ? Quiescence.QUIESCENT : Quiescence.QUARANTINED;
    }

    /** Completes when the lease has ended and been published, and no attempt can touch its memory. */
    CompletableFuture<Void> whenQuiescent() {
        CompletableFuture<Void> known;
        synchronized (this) {
            known = quiescent;
            if (known == null) {
                known = new CompletableFuture<>();
                quiescent = known;
            }
        }
        if (done.isDone()) {
            tellIfQuiescent();
        }
        return known;
    }

    private void tellIfQuiescent() {
        CompletableFuture<Void> waiters;
        synchronized (this) {
            waiters = memoryNow() == Quiescence.QUIESCENT ? quiescent : null;
        }
        if (waiters != null) {
            waiters.complete(null);
        }
    }

    @Override
    public String toString() {
        return "lease " + request.id() + " (" + request.access() + ", " + request.blocks() + ")";
    }
}
