package io.kvferry.engine;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferState;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * The target's side of an engine: its leases, the PREPAREs that came before their offers, and the tombstones.
 *
 * <p><b>Threads:</b> Thread-safe. Its lock covers the maps only, never a call of a backend.
 */
final class LeaseTable {
    private final EngineContext context;
    private final Backends backends;
    private final MemoryRegistry memory;
    private final Quarantine quarantine;
    private final List<TransferListener> engineListeners;
    private final Tombstones tombstones;
    /** From a random start, so that an epoch cannot be guessed by whom it was not told. */
    private final AtomicLong epochs = new AtomicLong(new SecureRandom().nextLong() >>> 1);

    private final AtomicInteger attempts = new AtomicInteger();
    private final int maxLeases;
    private final int maxWaiting;
    private final int maxWaitingPerPeer;

    private final Object lock = new Object();
    // guarded by lock
    private final Map<TransferId, Lease> leases = new HashMap<>();
    private final Map<TransferId, List<WaitingPrepare>> waiting = new HashMap<>();
    private final Map<String, Integer> waitingByPeer = new HashMap<>();
    private int waitingCount;
    private boolean closed;

    /** A PREPARE whose offer has not come yet. */
    private record WaitingPrepare(
            PeerRequest.Prepare request, Deadline deadline, CompletableFuture<PeerReply.Prepared> reply) {}

    LeaseTable(
            EngineContext context,
            Backends backends,
            MemoryRegistry memory,
            Quarantine quarantine,
            List<TransferListener> engineListeners) {
        this.context = context;
        this.backends = backends;
        this.memory = memory;
        this.quarantine = quarantine;
        this.engineListeners = engineListeners;
        this.tombstones = new Tombstones(context.settings().get(EngineConfigKeys.MAX_TOMBSTONES));
        this.maxLeases = context.settings().get(EngineConfigKeys.MAX_TRANSFERS);
        this.maxWaiting = context.settings().get(EngineConfigKeys.MAX_WAITING_PREPARES);
        this.maxWaitingPerPeer = context.settings().get(EngineConfigKeys.MAX_WAITING_PREPARES_PER_PEER);
    }

    Lease offer(LeaseRequest request, Deadline deadline) {
        if (deadline.isExpired()) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST, Stage.OFFER, "the lease's deadline has passed already");
        }
        context.waits().checkClock(deadline);
        quarantine.checkRoom(Stage.OFFER);
        memory.acquire(request.blocks());
        Lease lease = new Lease(
                this,
                context,
                request,
                deadline,
                ListenerCalls.of(request.id(), engineListeners, request.listener(), context.executor()));
        List<WaitingPrepare> came;
        try {
            came = admit(lease);
        } catch (TransferException e) {
            memory.release(request.blocks());
            throw e;
        }
        try {
            lease.start();
        } catch (TransferException e) {
            lease.end(Ending.of(e.error()));
            throw e;
        }
        for (WaitingPrepare prepare : came) {
            context.executor().execute(() -> answer(lease, prepare));
        }
        return lease;
    }

    private List<WaitingPrepare> admit(Lease lease) {
        synchronized (lock) {
            checkOpen(Stage.OFFER);
            if (leases.size() >= maxLeases) {
                throw new TransferException(
                        TransferErrorCode.RESOURCE_EXHAUSTED,
                        Stage.OFFER,
                        leases.size() + " leases are offered = kvferry.max-transfers; end some or raise the key");
            }
            if (leases.putIfAbsent(lease.id(), lease) != null) {
                throw new TransferException(
                        TransferErrorCode.ALREADY_EXISTS,
                        Stage.OFFER,
                        "transfer " + lease.id() + " is offered already");
            }
            List<WaitingPrepare> came = waiting.remove(lease.id());
            if (came == null) {
                return List.of();
            }
            came.forEach(this::noLongerWaits);
            return came;
        }
    }

    private void checkOpen(Stage stage) {
        if (closed) {
            throw new TransferException(TransferErrorCode.SHUTTING_DOWN, stage, "this engine is closing");
        }
    }

    /** PREPARE. Fails with the refusal, or waits for the offer within bounds. */
    CompletableFuture<PeerReply.Prepared> prepare(PeerRequest.Prepare request, Deadline deadline) {
        checkTarget(request);
        Lease lease;
        WaitingPrepare waits;
        synchronized (lock) {
            checkOpen(Stage.PREPARE);
            checkNotOver(request);
            lease = leases.get(request.id());
            waits = lease == null ? waitForOffer(request, deadline) : null;
        }
        if (lease != null) {
            return prepareOn(lease, request, deadline);
        }
        if (waits == null) {
            throw new IllegalStateException("neither lease nor waiting");
        }
        startWaiting(waits);
        return waits.reply;
    }

    private void checkTarget(PeerRequest.Prepare request) {
        if (!request.target().equals(context.self())) {
            throw new TransferException(
                    TransferErrorCode.PEER_RESTARTED,
                    Stage.PREPARE,
                    "this is " + context.self() + ", the request is for " + request.target()
                            + "; meet this peer again");
        }
    }

    /** Refuses an attempt that has ended. */
    void checkNotOver(PeerRequest.Prepare request) {
        if (tombstones.reply(request.id(), request.self(), request.attempt()) != null) {
            throw new TransferException(
                    TransferErrorCode.CANCELLED,
                    Stage.PREPARE,
                    "attempt " + request.attempt() + " has ended here already; a retry takes a higher attempt");
        }
    }

    private WaitingPrepare waitForOffer(PeerRequest.Prepare request, Deadline deadline) {
        String peer = request.self().nodeId();
        List<WaitingPrepare> sameId = waiting.computeIfAbsent(request.id(), id -> new ArrayList<>(1));
        for (WaitingPrepare other : sameId) {
            if (other.request.attempt() == request.attempt()
                    && other.request.self().equals(request.self())) {
                return other;
            }
        }
        int ofPeer = waitingByPeer.getOrDefault(peer, 0);
        if (waitingCount >= maxWaiting || ofPeer >= maxWaitingPerPeer) {
            if (sameId.isEmpty()) {
                waiting.remove(request.id());
            }
            throw new TransferException(
                    TransferErrorCode.RESOURCE_EXHAUSTED,
                    Stage.PREPARE,
                    waitingCount + " prepares wait for offers (kvferry.max-waiting-prepares=" + maxWaiting + "), "
                            + ofPeer + " of this peer (kvferry.max-waiting-prepares-per-peer=" + maxWaitingPerPeer
                            + ")");
        }
        WaitingPrepare added = new WaitingPrepare(
                request,
                deadline.earlier(context.after(context.settings().get(EngineConfigKeys.OFFER_WAIT))),
                new CompletableFuture<>());
        sameId.add(added);
        waitingByPeer.put(peer, ofPeer + 1);
        waitingCount++;
        return added;
    }

    private void startWaiting(WaitingPrepare waits) {
        Scheduler.Scheduled timer = context.scheduler().schedule(waits.deadline, () -> {
            if (stopWaiting(waits)) {
                waits.reply.completeExceptionally(new TransferException(
                        TransferErrorCode.NOT_FOUND,
                        Stage.PREPARE,
                        "no offer of transfer " + waits.request.id() + " came in time (kvferry.offer-wait)"));
            }
        });
        var ignored = waits.reply.whenComplete((reply, failure) -> timer.cancel());
    }

    /** Takes a PREPARE out of the waiting room; false where an offer took it first. */
    private boolean stopWaiting(WaitingPrepare waits) {
        synchronized (lock) {
            List<WaitingPrepare> sameId = waiting.get(waits.request.id());
            if (sameId == null || !sameId.remove(waits)) {
                return false;
            }
            if (sameId.isEmpty()) {
                waiting.remove(waits.request.id());
            }
            noLongerWaits(waits);
            return true;
        }
    }

    private void noLongerWaits(WaitingPrepare waits) {
        waitingCount--;
        waitingByPeer.computeIfPresent(
                waits.request.self().nodeId(), (peer, count) -> count == 1 ? null : Integer.valueOf(count - 1));
    }

    private void answer(Lease lease, WaitingPrepare prepare) {
        try {
            var ignored = prepareOn(lease, prepare.request, prepare.deadline).whenComplete((reply, failure) -> {
                if (failure == null) {
                    prepare.reply.complete(reply);
                } else {
                    prepare.reply.completeExceptionally(failure);
                }
            });
        } catch (RuntimeException e) {
            prepare.reply.completeExceptionally(Failures.of(e, Stage.PREPARE));
        }
    }

    private CompletableFuture<PeerReply.Prepared> prepareOn(
            Lease lease, PeerRequest.Prepare request, Deadline deadline) {
        quarantine.checkRoom(Stage.PREPARE);
        OpenBackend backend = backends.byWire(request.wireId());
        if (backend == null) {
            throw new TransferException(
                    TransferErrorCode.INCOMPATIBLE_PEER,
                    Stage.PREPARE,
                    "no open backend speaks " + request.wireId() + "; open are "
                            + backends.open().stream().map(OpenBackend::name).toList());
        }
        if (!backend.serves()) {
            throw new TransferException(
                    TransferErrorCode.UNSUPPORTED,
                    Stage.PREPARE,
                    "backend " + backend.name() + " has isolation "
                            + backend.info().isolation()
                            + " < kvferry.min-isolation="
                            + context.settings().get(EngineConfigKeys.MIN_ISOLATION) + " of this target");
        }
        if (!backend.does(request.operation())) {
            throw new TransferException(
                    TransferErrorCode.UNSUPPORTED,
                    Stage.PREPARE,
                    "backend " + backend.name() + " of this target does not declare " + request.operation());
        }
        return lease.prepare(request, backend, deadline);
    }

    /** Lets an attempt in, within bounds, with its memory locked. */
    TargetAttempt newAttempt(Lease lease, PeerRequest.Prepare request, OpenBackend backend, LeaseMatch match) {
        if (attempts.incrementAndGet() > maxLeases) {
            attempts.decrementAndGet();
            throw new TransferException(
                    TransferErrorCode.RESOURCE_EXHAUSTED,
                    Stage.PREPARE,
                    maxLeases + " transfers are in hand at this target = its kvferry.max-transfers");
        }
        try {
            MemoryHold hold = new MemoryHold(
                    context, memory, quarantine, match.blocks(), backend, lease.id(), request.attempt(), Side.TARGET);
            TargetAttempt attempt =
                    new TargetAttempt(lease, context, request, epochs.incrementAndGet(), match, backend, hold);
            var ignored = attempt.over().thenRun(attempts::decrementAndGet);
            return attempt;
        } catch (TransferException e) {
            attempts.decrementAndGet();
            throw e;
        }
    }

    /** Lets the backend accept an attempt that the lease has let in. Called without any lock. */
    void accept(
            TargetAttempt attempt, LeaseMatch match, OpenBackend backend, Deadline leaseDeadline, Deadline deadline) {
        attempt.accept(memory.handles(match.blocks(), backend), leaseDeadline, deadline);
    }

    void part(PeerRequest.Part part) {
        TargetAttempt attempt = live(part.id(), part.self(), part.attempt());
        if (attempt != null) {
            attempt.part(part);
        }
    }

    void cancel(PeerRequest.Cancel cancel) {
        TransferError error = new TransferError(
                TransferErrorCode.CANCELLED,
                TransferErrorCode.CANCELLED.number(),
                Stage.TRANSFER,
                Side.TARGET,
                cancel.self().toString(),
                true,
                "cancelled by its initiator");
        TargetAttempt attempt = live(cancel.id(), cancel.self(), cancel.attempt());
        if (attempt == null) {
            attempt = bury(cancel.id(), cancel.self(), cancel.attempt(), finished(error));
        }
        if (attempt != null) {
            attempt.end(Ending.of(error));
        }
    }

    private static PeerReply.Finished finished(TransferError error) {
        return new PeerReply.Finished(Ending.of(error).state(), error);
    }

    /** FINISH. An attempt that is not known leaves a tombstone, so that its late PREPARE finds no memory (R5). */
    CompletableFuture<PeerReply.Finished> finish(PeerRequest.Finish finish) {
        TargetAttempt attempt = live(finish.id(), finish.self(), finish.attempt());
        if (attempt != null) {
            return attempt.finish(finish);
        }
        PeerReply.Finished known = tombstones.reply(finish.id(), finish.self(), finish.attempt());
        if (known != null) {
            return CompletableFuture.completedFuture(known);
        }
        PeerReply.Finished unknown = finished(new TransferError(
                TransferErrorCode.CANCELLED,
                TransferErrorCode.CANCELLED.number(),
                Stage.FINISH,
                Side.TARGET,
                finish.self().toString(),
                true,
                "no such attempt is known here"));
        attempt = bury(finish.id(), finish.self(), finish.attempt(), unknown);
        return attempt == null ? CompletableFuture.completedFuture(unknown) : attempt.finish(finish);
    }

    /**
     * Remembers the end of an attempt that never came to a lease, and answers its PREPARE if that waits.
     *
     * @return the attempt, where it has come to its lease meanwhile
     */
    private @Nullable TargetAttempt bury(TransferId id, PeerIdentity peer, int attempt, PeerReply.Finished reply) {
        Lease lease;
        List<WaitingPrepare> given = List.of();
        synchronized (lock) {
            lease = leases.get(id);
            if (lease == null) {
                tombstones.put(id, peer, attempt, reply);
                given = takeWaiting(id, peer, attempt);
            }
        }
        given.forEach(prepare -> prepare.reply.completeExceptionally(new TransferException(
                TransferErrorCode.CANCELLED, Stage.PREPARE, "the attempt was ended while it waited for its offer")));
        return lease == null ? null : lease.rememberUnknown(peer, attempt, reply);
    }

    private List<WaitingPrepare> takeWaiting(TransferId id, PeerIdentity peer, int attempt) {
        List<WaitingPrepare> sameId = waiting.get(id);
        if (sameId == null) {
            return List.of();
        }
        List<WaitingPrepare> taken = sameId.stream()
                .filter(prepare -> prepare.request.self().equals(peer) && prepare.request.attempt() <= attempt)
                .toList();
        sameId.removeAll(taken);
        if (sameId.isEmpty()) {
            waiting.remove(id);
        }
        taken.forEach(this::noLongerWaits);
        return taken;
    }

    void channelOpened(TransferId id, int number, long epoch, PeerChannel channel) {
        Lease lease;
        synchronized (lock) {
            lease = leases.get(id);
        }
        TargetAttempt attempt = lease == null
                ? null
                : lease.attempts().stream()
                        .filter(candidate -> candidate.is(number, epoch))
                        .findFirst()
                        .orElse(null);
        if (attempt == null) {
            throw new TransferException(
                    TransferErrorCode.NOT_FOUND,
                    Stage.PREPARE,
                    "no attempt " + number + " of transfer " + id + " is prepared");
        }
        attempt.connect(channel);
    }

    private @Nullable TargetAttempt live(TransferId id, PeerIdentity peer, int number) {
        Lease lease;
        synchronized (lock) {
            lease = leases.get(id);
        }
        return lease == null ? null : lease.attempt(peer, number);
    }

    /** A lease was decided: its id is free again. */
    void ended(Lease lease) {
        synchronized (lock) {
            leases.remove(lease.id(), lease);
        }
    }

    /** A lease is over: its own lock on the memory goes; attempts hold theirs as long as they need. */
    void release(Lease lease) {
        memory.release(lease.request().blocks());
    }

    /** PREPAREs whose offer has not come yet. */
    int waitingPrepares() {
        synchronized (lock) {
            return waitingCount;
        }
    }

    Tombstones tombstones() {
        return tombstones;
    }

    Collection<Lease> all() {
        synchronized (lock) {
            return List.copyOf(leases.values());
        }
    }

    /**
     * Refuses everything new and ends every lease.
     *
     * @return completes when all leases have been published
     */
    CompletableFuture<Void> close() {
        List<WaitingPrepare> left = new ArrayList<>();
        synchronized (lock) {
            closed = true;
            waiting.values().forEach(left::addAll);
            waiting.clear();
            waitingByPeer.clear();
            waitingCount = 0;
        }
        TransferException closing =
                new TransferException(TransferErrorCode.SHUTTING_DOWN, Stage.PREPARE, "this engine is closing");
        left.forEach(prepare -> prepare.reply.completeExceptionally(closing));
        Ending ending = new Ending(
                TransferState.CANCELLED,
                new TransferError(
                        TransferErrorCode.SHUTTING_DOWN,
                        TransferErrorCode.SHUTTING_DOWN.number(),
                        Stage.CLOSE,
                        Side.TARGET,
                        "",
                        true,
                        "the target's engine was closed"));
        Collection<Lease> open = all();
        open.forEach(lease -> context.executor().execute(() -> lease.end(ending)));
        return CompletableFuture.allOf(open.stream().map(Lease::done).toArray(CompletableFuture<?>[]::new));
    }
}
