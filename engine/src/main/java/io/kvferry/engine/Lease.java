package io.kvferry.engine;

import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
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
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The target's offer: these blocks, this access, under this transfer id, until this deadline.
 *
 * <p><b>Life cycle:</b> {@link TransferEngine#offer} makes it. A lease for one transfer ends completed or cancelled with
 * it; after an attempt that failed or timed out it stays open for the next attempt. At its deadline every lease ends timed
 * out with LEASE_ENDED. Its memory stays locked until it has ended and every attempt's quiescence is proved.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public final class Lease implements AutoCloseable {
    private final LeaseTable table;
    private final EngineContext context;
    private final LeaseRequest request;
    private final Deadline deadline;
    private final @Nullable ListenerCalls listeners;
    private final CompletableFuture<TransferResult> done = new CompletableFuture<>();
    private final long startNanos;

    private final Object lock = new Object();
    // guarded by lock
    private final List<TargetAttempt> attempts = new ArrayList<>(1);
    private final BitSet applied;
    private final List<AppliedWait> waits = new ArrayList<>(0);
    private @Nullable Ending ending;
    private @Nullable TransferReport lastReport;
    private @Nullable TransferError lastError;
    private long appliedBytes;
    private Scheduler.@Nullable Scheduled timer;

    private record AppliedWait(BlockRange range, CompletableFuture<Boolean> reached) {}

    Lease(
            LeaseTable table,
            EngineContext context,
            LeaseRequest request,
            Deadline deadline,
            @Nullable ListenerCalls listeners) {
        this.table = table;
        this.context = context;
        this.request = request;
        this.deadline = deadline;
        this.listeners = listeners;
        this.applied = new BitSet(request.blocks().size());
        this.startNanos = context.ticker().nanos();
    }

    /** Starts the clock. */
    void start() {
        Scheduler.Scheduled scheduled = context.scheduler().schedule(deadline, () -> expire("the lease's deadline"));
        boolean over;
        synchronized (lock) {
            timer = scheduled;
            over = ending != null;
        }
        if (over) {
            scheduled.cancel();
        }
    }

    /**
     * Returns the transfer that may use this lease.
     *
     * @return its id
     */
    public TransferId id() {
        return request.id();
    }

    /**
     * Returns a snapshot, of the newest attempt where there is one.
     *
     * @return state, bytes, blocks and error
     */
    public TransferStatus status() {
        synchronized (lock) {
            Ending known = ending;
            if (known == null && !attempts.isEmpty() && !request.standing()) {
                return attempts.getLast().status();
            }
            TransferState state = known == null
                    ? TransferState.NEW
                    : memory() == Quiescence.QUIESCENT ? TransferState.FINISHED : TransferState.QUARANTINED;
            return new TransferStatus(
                    state,
                    appliedBytes,
                    request.blocks().totalBytes(),
                    applied.cardinality(),
                    request.blocks().size(),
                    known == null ? lastError : known.error());
        }
    }

    /**
     * Waits for the end. A deadline that passes is the caller's last word: the lease ends timed out.
     *
     * @param waitUntil until when to wait
     * @return how it ended
     * @throws TransferException INVALID_REQUEST when called from a listener; CANCELLED when the thread is interrupted, with
     *     the lease going on
     */
    public TransferResult await(Deadline waitUntil) {
        ListenerThread.refuse("Lease.await");
        Scheduler.Scheduled waitTimer = !done.isDone() && waitUntil.atNanos() - deadline.atNanos() < 0
                ? context.scheduler().schedule(waitUntil, () -> expire("the caller's wait"))
                : null;
        try {
            Waits.get(done, Stage.TRANSFER, "the end of the lease");
            return resultNow();
        } finally {
            if (waitTimer != null) {
                waitTimer.cancel();
            }
        }
    }

    /**
     * Returns the outcome.
     *
     * @return the result with what is known of the memory now, or empty while the lease lasts
     */
    public Optional<TransferResult> result() {
        return done.isDone() ? Optional.of(resultNow()) : Optional.empty();
    }

    private TransferResult resultNow() {
        TransferResult first = done.join();
        synchronized (lock) {
            return first.memory() == Quiescence.QUIESCENT || ending == null ? first : ending.result(0, 0, memory());
        }
    }

    /**
     * Waits until blocks have been applied, while a WRITE is under way: a layer can be used as soon as it is there.
     *
     * @param blocks positions in the lease's block list
     * @param waitUntil until when to wait; the lease goes on
     * @return true once they are applied; false at the deadline, or when the lease ends without them
     * @throws TransferException INVALID_REQUEST for positions outside the list, or when called from a listener
     */
    public boolean awaitApplied(BlockRange blocks, Deadline waitUntil) {
        ListenerThread.refuse("Lease.awaitApplied");
        if (blocks.end() > request.blocks().size()) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.TRANSFER,
                    blocks + " is outside the " + request.blocks().size() + " blocks of the lease");
        }
        AppliedWait wait = new AppliedWait(blocks, new CompletableFuture<>());
        synchronized (lock) {
            if (isApplied(blocks)) {
                return true;
            }
            if (ending != null) {
                return false;
            }
            waits.add(wait);
        }
        Scheduler.Scheduled waitTimer = context.scheduler().schedule(waitUntil, () -> wait.reached.complete(false));
        try {
            return Waits.get(wait.reached, Stage.TRANSFER, "the blocks");
        } finally {
            waitTimer.cancel();
            synchronized (lock) {
                waits.remove(wait);
            }
        }
    }

    private boolean isApplied(BlockRange blocks) {
        return applied.nextClearBit(blocks.first()) >= blocks.end();
    }

    /** Takes the offer back. Returns at once; does nothing to a lease that has ended. */
    public void revoke() {
        end(Ending.of(error(TransferErrorCode.CANCELLED, "revoked by the target")));
    }

    /** Does what {@link #revoke()} does. */
    @Override
    public void close() {
        revoke();
    }

    /**
     * Tells whether the leased memory may be used for something else.
     *
     * @return QUIESCENT once the lease has ended and no attempt can touch it any more; QUARANTINED before, also while the
     *     lease lasts
     */
    public Quiescence memory() {
        synchronized (lock) {
            return ending != null && attempts.stream().allMatch(TargetAttempt::isSettled)
                    ? Quiescence.QUIESCENT
                    : Quiescence.QUARANTINED;
        }
    }

    private TransferError error(TransferErrorCode code, String detail) {
        return new TransferError(code, code.number(), Stage.TRANSFER, Side.TARGET, "", true, detail);
    }

    LeaseRequest request() {
        return request;
    }

    boolean isEnded() {
        synchronized (lock) {
            return ending != null;
        }
    }

    List<TargetAttempt> attempts() {
        synchronized (lock) {
            return List.copyOf(attempts);
        }
    }

    /**
     * PREPARE on this lease.
     *
     * @throws TransferException the refusal
     */
    CompletableFuture<PeerReply.Prepared> prepare(
            PeerRequest.Prepare prepare, OpenBackend backend, MemoryHolds holds, Deadline prepareDeadline) {
        checkAccess(prepare);
        TargetAttempt attempt;
        synchronized (lock) {
            checkOpen();
            table.checkNotOver(prepare);
            TargetAttempt same = find(prepare.self(), prepare.attempt());
            if (same != null) {
                return same.prepared();
            }
            attempts.removeIf(TargetAttempt::isSettled);
            if (!request.standing()) {
                checkAlone(prepare);
            }
            LeaseMatch match = LeaseMatch.of(request.blocks(), prepare.blocks(), request.standing());
            MemoryHold hold = holds.hold(match.blocks(), backend, prepare.attempt());
            attempt = new TargetAttempt(this, context, prepare, table.nextEpoch(), match, backend, hold);
            attempts.add(attempt);
        }
        table.accept(attempt, prepare, deadline, prepareDeadline);
        return attempt.prepared();
    }

    /** Locks memory for an attempt. */
    interface MemoryHolds {
        MemoryHold hold(BlockList blocks, OpenBackend backend, int attempt);
    }

    private void checkAccess(PeerRequest.Prepare prepare) {
        if (prepare.operation() != request.access()) {
            throw refusal(
                    TransferErrorCode.ACCESS_DENIED,
                    "the lease allows " + request.access() + ", not " + prepare.operation());
        }
        String only = request.onlyFor();
        if (only != null && !only.equals(prepare.self().nodeId())) {
            throw refusal(TransferErrorCode.ACCESS_DENIED, "the lease is for another node");
        }
    }

    private void checkOpen() {
        if (ending != null) {
            throw refusal(TransferErrorCode.LEASE_ENDED, "the lease has ended " + ending.state());
        }
    }

    /** One attempt at a time; a newer one of the same initiator ends the one before it (R6). */
    private void checkAlone(PeerRequest.Prepare prepare) {
        for (TargetAttempt other : attempts) {
            boolean givenUp = other.isOver()
                    || (other.peer().nodeId().equals(prepare.self().nodeId()) && other.number() < prepare.attempt());
            if (!givenUp) {
                throw refusal(
                        TransferErrorCode.ALREADY_EXISTS,
                        "the lease is in use by attempt " + other.number() + " of " + other.peer());
            }
            other.end(Ending.of(error(
                    TransferErrorCode.TRANSFER_FAILED, "given up by its initiator for attempt " + prepare.attempt())));
            throw refusal(
                    TransferErrorCode.NOT_QUIESCENT,
                    "attempt " + other.number() + " may still touch this memory; try again soon");
        }
    }

    private @Nullable TargetAttempt find(PeerIdentity peer, int number) {
        for (TargetAttempt attempt : attempts) {
            if (attempt.number() == number && attempt.peer().equals(peer)) {
                return attempt;
            }
        }
        return null;
    }

    /** Finds a live or quarantined attempt. */
    @Nullable
    TargetAttempt attempt(PeerIdentity peer, int number) {
        synchronized (lock) {
            return find(peer, number);
        }
    }

    private static TransferException refusal(TransferErrorCode code, String detail) {
        return new TransferException(code, Stage.PREPARE, detail);
    }

    /** Remaining time, for PREPARED. */
    long remainingNanos() {
        return deadline.remainingNanos();
    }

    /** Some blocks are in place. */
    void applied(BlockRange blocks) {
        List<AppliedWait> reached = new ArrayList<>(0);
        synchronized (lock) {
            for (int i = applied.nextClearBit(blocks.first()); i < blocks.end(); i = applied.nextClearBit(i)) {
                applied.set(i);
                appliedBytes += request.blocks().length(i);
            }
            for (Iterator<AppliedWait> each = waits.iterator(); each.hasNext(); ) {
                AppliedWait wait = each.next();
                if (isApplied(wait.range)) {
                    reached.add(wait);
                    each.remove();
                }
            }
        }
        reached.forEach(wait -> wait.reached.complete(true));
        if (listeners != null) {
            listeners.applied(blocks);
        }
    }

    /** An attempt is decided: whatever of it comes late is answered from its tombstone. */
    void remember(TargetAttempt attempt, Ending outcome, PeerReply.Finished reply, TransferReport report) {
        synchronized (lock) {
            bury(attempt.peer(), attempt.number(), reply);
            lastReport = report;
            lastError = outcome.error();
        }
    }

    /** Remembers an attempt that never came to this lease. */
    void rememberUnknown(PeerIdentity peer, int attempt, PeerReply.Finished reply) {
        synchronized (lock) {
            bury(peer, attempt, reply);
        }
    }

    private void bury(PeerIdentity peer, int attempt, PeerReply.Finished reply) {
        if (request.standing()) {
            table.tombstones().putOne(request.id(), peer, attempt, reply);
        } else {
            table.tombstones().put(request.id(), peer, attempt, reply);
        }
    }

    /** An attempt is over; for a lease of one transfer this may be the end. */
    void attemptOver(Ending outcome) {
        if (!request.standing()
                && (outcome.state() == TransferState.COMPLETED || outcome.state() == TransferState.CANCELLED)) {
            end(outcome);
        }
    }

    private void expire(String whose) {
        TransferError last;
        synchronized (lock) {
            last = lastError;
        }
        String detail = whose + " passed" + (last == null ? "" : "; the last attempt ended with " + last);
        end(new Ending(TransferState.TIMED_OUT, error(TransferErrorCode.LEASE_ENDED, detail)));
    }

    /** Decides the lease, once, then stops its attempts and publishes. */
    void end(Ending outcome) {
        List<TargetAttempt> running;
        Scheduler.Scheduled expiry;
        synchronized (lock) {
            if (ending != null) {
                return;
            }
            ending = outcome;
            running = List.copyOf(attempts);
            expiry = timer;
        }
        if (expiry != null) {
            expiry.cancel();
        }
        table.ended(this);
        running.forEach(attempt -> attempt.end(outcome));
        CompletableFuture<?>[] over = running.stream()
                .filter(attempt -> !attempt.isOver())
                .map(TargetAttempt::over)
                .toArray(CompletableFuture<?>[]::new);
        if (over.length == 0 || outcome.state() == TransferState.COMPLETED) {
            publish(outcome);
        } else {
            var ignored = CompletableFuture.allOf(over).thenRun(() -> publish(outcome));
        }
    }

    private void publish(Ending outcome) {
        table.release(this);
        List<AppliedWait> left;
        synchronized (lock) {
            left = List.copyOf(waits);
            waits.clear();
        }
        left.forEach(wait -> wait.reached.complete(false));
        done.complete(
                outcome.result(request.blocks().totalBytes(), request.blocks().size(), memory()));
        if (listeners != null) {
            listeners.ended(endReport(outcome));
        }
    }

    private TransferReport endReport(Ending outcome) {
        long now = context.ticker().nanos();
        synchronized (lock) {
            TransferReport last = lastReport;
            TransferResult result = outcome.result(
                    request.blocks().totalBytes(), request.blocks().size(), memory());
            return new TransferReport(
                    request.id(),
                    last == null ? 0 : last.attempt(),
                    Side.TARGET,
                    request.access(),
                    last == null ? "" : last.peer(),
                    last == null ? "" : last.backend(),
                    "",
                    result,
                    last == null ? 0 : last.bytes(),
                    last == null ? 0 : last.blocks(),
                    last == null ? 0 : last.unmatched(),
                    last == null ? now - startNanos : last.prepareNanos(),
                    last == null ? 0 : last.submitNanos(),
                    last == null ? 0 : last.transferNanos(),
                    last == null ? 0 : last.finishNanos());
        }
    }

    @Override
    public String toString() {
        return "lease " + request.id() + " (" + request.access() + ", " + request.blocks() + ")";
    }
}
