package io.kvferry.engine;

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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
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
    private final CompletableFuture<Void> quiescent = new CompletableFuture<>();
    private final long startNanos;

    private final Object lock = new Object();
    // guarded by lock: attempts that are not over, or whose memory is in quarantine
    private final SequencedMap<AttemptKey, TargetAttempt> attempts = new LinkedHashMap<>(2);
    private final BitSet applied;
    private final List<AppliedWait> waits = new ArrayList<>(0);
    private @Nullable Ending ending;
    private @Nullable TransferReport lastReport;
    private @Nullable TransferError lastError;
    private long appliedBytes;
    private Scheduler.@Nullable Scheduled timer;

    private record AppliedWait(BlockRange range, CompletableFuture<Boolean> reached) {}

    private record AttemptKey(PeerIdentity peer, int number) {}

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
        TargetAttempt newest;
        TransferStatus own;
        synchronized (lock) {
            newest = ending == null && !request.standing() && !attempts.isEmpty()
                    ? attempts.lastEntry().getValue()
                    : null;
            own = new TransferStatus(
                    stateNow(),
                    appliedBytes,
                    request.blocks().totalBytes(),
                    applied.cardinality(),
                    request.blocks().size(),
                    ending == null ? lastError : ending.error());
        }
        return newest == null ? own : newest.status();
    }

    private TransferState stateNow() {
        if (ending == null) {
            return TransferState.NEW;
        }
        return attempts.isEmpty() ? TransferState.FINISHED : TransferState.QUARANTINED;
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
        if (!context.waits().until(done, waitUntil, Stage.TRANSFER)) {
            expire("the caller's wait");
        }
        return resultNow();
    }

    /**
     * Returns the outcome.
     *
     * @return the result with what is known of the memory now, or empty while the lease lasts
     */
    public Optional<TransferResult> result() {
        return done.isDone() ? Optional.of(resultNow()) : Optional.empty();
    }

    /** The outcome with what is known now; also before it is published, for a caller whose time is up. */
    private TransferResult resultNow() {
        Ending known;
        Quiescence memory;
        synchronized (lock) {
            known = ending;
            memory = memoryNow();
        }
        if (known == null) {
            return done.join();
        }
        return known.result(request.blocks().totalBytes(), request.blocks().size(), memory);
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
        try {
            return context.waits().until(wait.reached, waitUntil, Stage.TRANSFER) && wait.reached.getNow(false);
        } finally {
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
            return memoryNow();
        }
    }

    private Quiescence memoryNow() {
        return ending != null && attempts.isEmpty() ? Quiescence.QUIESCENT : Quiescence.QUARANTINED;
    }

    /**
     * Tells when the leased memory may be used for something else: the lease has ended and no attempt can touch it.
     *
     * @return completes once it may, perhaps on a thread of a backend: what depends on it must not block
     */
    public CompletionStage<Void> whenQuiescent() {
        return quiescent.minimalCompletionStage();
    }

    private void tellIfQuiescent() {
        if (memory() == Quiescence.QUIESCENT) {
            quiescent.complete(null);
        }
    }

    private TransferError error(TransferErrorCode code, String detail) {
        return new TransferError(code, code.number(), Stage.TRANSFER, Side.TARGET, "", true, detail);
    }

    /** A line of {@link TransferEngine#status()}. */
    EngineStatus.Offer offer() {
        String only = request.onlyFor();
        return new EngineStatus.Offer(
                request.id(),
                request.access(),
                only == null ? "" : only,
                request.standing(),
                attempts().size(),
                request.blocks().size(),
                request.blocks().totalBytes(),
                context.ticker().nanos() - startNanos,
                deadline.remainingNanos());
    }

    LeaseRequest request() {
        return request;
    }

    List<TargetAttempt> attempts() {
        synchronized (lock) {
            return List.copyOf(attempts.values());
        }
    }

    /**
     * PREPARE on this lease.
     *
     * @throws TransferException the refusal
     */
    CompletableFuture<PeerReply.Prepared> prepare(
            PeerRequest.Prepare prepare, OpenBackend backend, Deadline prepareDeadline) {
        checkAccess(prepare);
        LeaseMatch match = LeaseMatch.of(request.blocks(), prepare.blocks(), request.standing());
        TargetAttempt attempt;
        boolean isNew;
        synchronized (lock) {
            checkOpen();
            table.checkNotOver(prepare);
            TargetAttempt same = find(prepare.self(), prepare.attempt());
            if (same != null) {
                return same.prepared();
            }
            TargetAttempt inTheWay = request.standing() ? null : other(prepare);
            isNew = inTheWay == null;
            attempt = inTheWay == null ? admit(prepare, backend, match) : inTheWay;
        }
        if (!isNew) {
            throw endForNewer(attempt, prepare);
        }
        table.accept(attempt, match, backend, deadline, prepareDeadline);
        return attempt.prepared();
    }

    private TargetAttempt admit(PeerRequest.Prepare prepare, OpenBackend backend, LeaseMatch match) {
        TargetAttempt attempt = table.newAttempt(this, prepare, backend, match);
        attempts.put(new AttemptKey(prepare.self(), prepare.attempt()), attempt);
        if (!request.standing()) {
            // what an earlier attempt has written is about to be written again
            applied.clear();
            appliedBytes = 0;
        }
        return attempt;
    }

    /** The attempt that is in the way of a newer one, if it is for the newer one to replace it (R6). */
    private @Nullable TargetAttempt other(PeerRequest.Prepare prepare) {
        if (attempts.isEmpty()) {
            return null;
        }
        TargetAttempt other = attempts.firstEntry().getValue();
        boolean sameNode = other.peer().nodeId().equals(prepare.self().nodeId());
        boolean restarted = sameNode && other.peer().bootId() != prepare.self().bootId();
        if (other.isOver() || restarted || (sameNode && other.number() < prepare.attempt())) {
            return other;
        }
        throw refusal(
                TransferErrorCode.ALREADY_EXISTS,
                "the lease is in use by attempt " + other.number() + " of " + other.peer());
    }

    private TransferException endForNewer(TargetAttempt other, PeerRequest.Prepare prepare) {
        other.end(Ending.of(error(
                TransferErrorCode.TRANSFER_FAILED,
                "given up by its initiator for attempt " + prepare.attempt() + " of " + prepare.self())));
        return refusal(
                TransferErrorCode.NOT_QUIESCENT,
                "attempt " + other.number() + " may still touch this memory; try again soon");
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
        if (ending != null || deadline.isExpired()) {
            throw refusal(TransferErrorCode.LEASE_ENDED, "the lease has ended");
        }
    }

    private @Nullable TargetAttempt find(PeerIdentity peer, int number) {
        return attempts.get(new AttemptKey(peer, number));
    }

    /** Finds a live or quarantined attempt. */
    @Nullable
    TargetAttempt attempt(PeerIdentity peer, int number) {
        synchronized (lock) {
            return find(peer, number);
        }
    }

    /** An attempt of which nothing is left need not be kept. */
    void forgetIfSettled(TargetAttempt attempt) {
        if (attempt.isSettled()) {
            forget(attempt);
            tellIfQuiescent();
        }
    }

    /** An attempt that is decided and whose memory has been given back is in nobody's way. */
    void forget(TargetAttempt attempt) {
        synchronized (lock) {
            attempts.remove(new AttemptKey(attempt.peer(), attempt.number()), attempt);
        }
    }

    private static TransferException refusal(TransferErrorCode code, String detail) {
        return new TransferException(code, Stage.PREPARE, detail);
    }

    /** Remaining time, for PREPARED. */
    long remainingNanos() {
        return deadline.remainingNanos();
    }

    /** Some blocks are in place; those that were before are passed over. */
    void applied(BlockRange blocks) {
        List<AppliedWait> reached = new ArrayList<>(0);
        synchronized (lock) {
            if (ending != null) {
                return;
            }
            markApplied(blocks);
            takeReached(reached);
        }
        reached.forEach(wait -> wait.reached.complete(true));
    }

    /** Marks blocks, and lets listeners hear of those that were not marked before. */
    private void markApplied(BlockRange blocks) {
        for (int from = applied.nextClearBit(blocks.first()); from < blocks.end(); from = applied.nextClearBit(from)) {
            int set = applied.nextSetBit(from);
            int end = set < 0 ? blocks.end() : Math.min(set, blocks.end());
            BlockRange fresh = new BlockRange(from, end - from);
            applied.set(from, end);
            appliedBytes += request.blocks().bytes(fresh);
            if (listeners != null) {
                listeners.applied(fresh);
            }
        }
    }

    private void takeReached(List<AppliedWait> reached) {
        for (Iterator<AppliedWait> each = waits.iterator(); each.hasNext(); ) {
            AppliedWait wait = each.next();
            if (isApplied(wait.range)) {
                reached.add(wait);
                each.remove();
            }
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

    /**
     * Remembers the end of an attempt that never came to this lease.
     *
     * @return the attempt, where it has come meanwhile: then nothing is remembered, and the caller ends it
     */
    @Nullable
    TargetAttempt rememberUnknown(PeerIdentity peer, int attempt, PeerReply.Finished reply) {
        synchronized (lock) {
            TargetAttempt live = find(peer, attempt);
            if (live == null) {
                bury(peer, attempt, reply);
            }
            return live;
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
            running = List.copyOf(attempts.values());
            expiry = timer;
            if (outcome.state() == TransferState.COMPLETED) {
                // notices of parts may be late or lost; the target's own decision is not
                markApplied(new BlockRange(0, request.blocks().size()));
            }
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

    /** Completes when the lease has ended and been published. */
    CompletableFuture<TransferResult> done() {
        return done;
    }

    private void publish(Ending outcome) {
        table.release(this);
        List<AppliedWait> left;
        synchronized (lock) {
            left = List.copyOf(waits);
            waits.clear();
        }
        left.forEach(wait -> wait.reached.complete(outcome.state() == TransferState.COMPLETED));
        done.complete(
                outcome.result(request.blocks().totalBytes(), request.blocks().size(), memory()));
        if (listeners != null) {
            listeners.ended(endReport(outcome));
        }
        tellIfQuiescent();
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
