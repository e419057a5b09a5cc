package io.kvferry.engine;

import io.kvferry.engine.WaitingPrepares.Waiting;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferState;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The target's side of an engine: its leases by transfer id. Here an offer and its PREPARE meet, whichever comes first, and
 * an end that was said before both.
 *
 * <p><b>Threads:</b> Thread-safe. Its lock covers the maps only, never a call of a backend.
 */
final class LeaseTable {
    private final EngineContext context;
    private final MemoryRegistry memory;
    private final Quarantine quarantine;
    private final TargetAttempts attempts;
    private final List<TransferListener> engineListeners;
    private final Tombstones tombstones;
    private final WaitingPrepares waiting;
    private final int maxLeases;

    /** Held while what is waiting or buried is looked at together with the leases; before any lock of theirs. */
    private final Object lock = new Object();
    // guarded by lock
    private final Map<TransferId, TargetLease> leases = new HashMap<>();
    private boolean closed;

    LeaseTable(
            EngineContext context,
            MemoryRegistry memory,
            Quarantine quarantine,
            TargetAttempts attempts,
            List<TransferListener> engineListeners) {
        this.context = context;
        this.memory = memory;
        this.quarantine = quarantine;
        this.attempts = attempts;
        this.engineListeners = engineListeners;
        this.tombstones = new Tombstones(
                context.settings().get(EngineConfigKeys.MAX_TOMBSTONES),
                context.settings().get(EngineConfigKeys.FINISH_HORIZON),
                context.ticker());
        this.waiting = new WaitingPrepares(context);
        this.maxLeases = context.settings().get(EngineConfigKeys.MAX_TRANSFERS);
    }

    Lease offer(LeaseRequest request, Deadline deadline) {
        if (deadline.isExpired()) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST, Stage.OFFER, "the lease's deadline has passed already");
        }
        context.waits().checkClock(deadline);
        quarantine.checkRoom(Stage.OFFER);
        memory.acquire(request.blocks());
        TargetLease lease = new TargetLease(
                this,
                attempts,
                context,
                request,
                deadline,
                ListenerCalls.of(request.id(), engineListeners, request.listener(), context.executor()));
        List<Waiting> came;
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
        for (Waiting prepare : came) {
            context.executor().execute(() -> answer(lease, prepare));
        }
        return new Lease(lease);
    }

    private List<Waiting> admit(TargetLease lease) {
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
            return waiting.take(lease.id());
        }
    }

    private void checkOpen(Stage stage) {
        if (closed) {
            throw new TransferException(TransferErrorCode.SHUTTING_DOWN, stage, "this engine is closing");
        }
    }

    private void answer(TargetLease lease, Waiting prepare) {
        try {
            var ignored = lease.prepare(prepare.request(), attempts.backend(prepare.request()), prepare.deadline())
                    .whenComplete((reply, failure) -> {
                        if (failure == null) {
                            prepare.reply().complete(reply);
                        } else {
                            prepare.reply().completeExceptionally(failure);
                        }
                    });
        } catch (RuntimeException e) {
            prepare.reply().completeExceptionally(Failures.of(e, Stage.PREPARE));
        }
    }

    /** PREPARE. Fails with the refusal, or waits for the offer within bounds. */
    CompletableFuture<PeerReply.Prepared> prepare(PeerRequest.Prepare request, Deadline deadline) {
        checkTarget(request);
        TargetLease lease;
        Waiting waits = null;
        synchronized (lock) {
            checkOpen(Stage.PREPARE);
            checkNotOver(request);
            tombstones.checkRoom(Stage.PREPARE);
            lease = leases.get(request.id());
            if (lease == null) {
                waits = waiting.add(request, deadline);
            }
        }
        return lease != null
                ? lease.prepare(request, attempts.backend(request), deadline)
                : waiting.start(Objects.requireNonNull(waits, "neither lease nor waiting"));
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

    /**
     * Remembers the end of an attempt that never came to a lease, and answers its PREPARE if that waits.
     *
     * @return the attempt, where it has come to its lease meanwhile
     * @throws TransferException RESOURCE_EXHAUSTED where there is no room for one more
     */
    @Nullable
    TargetAttempt bury(TransferId id, PeerIdentity peer, int attempt, PeerReply.Finished reply) {
        TargetLease lease;
        List<Waiting> given = List.of();
        synchronized (lock) {
            lease = leases.get(id);
            if (lease == null) {
                tombstones.unknown(id, peer, attempt, false, reply);
                given = waiting.take(id, peer, attempt);
            }
        }
        given.forEach(prepare ->
                prepare.refuse(TransferErrorCode.CANCELLED, "the attempt was ended while it waited for its offer"));
        return lease == null ? null : lease.rememberUnknown(peer, attempt, reply);
    }

    /** The lease of an id that has not ended. */
    @Nullable
    TargetLease find(TransferId id) {
        synchronized (lock) {
            return leases.get(id);
        }
    }

    /** A lease was decided: its id is free again. */
    void ended(TargetLease lease) {
        synchronized (lock) {
            leases.remove(lease.id(), lease);
        }
    }

    /** A lease is over: its own lock on the memory goes; attempts hold theirs as long as they need. */
    void release(TargetLease lease) {
        memory.release(lease.request().blocks());
    }

    /** PREPAREs whose offer has not come yet. */
    int waitingPrepares() {
        return waiting.size();
    }

    Tombstones tombstones() {
        return tombstones;
    }

    Collection<TargetLease> all() {
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
        List<Waiting> left;
        synchronized (lock) {
            closed = true;
            left = waiting.takeAll();
        }
        left.forEach(prepare -> prepare.refuse(TransferErrorCode.SHUTTING_DOWN, "this engine is closing"));
        Ending ending = new Ending(
                TransferState.CANCELLED,
                TransferError.of(TransferErrorCode.SHUTTING_DOWN, Stage.CLOSE, "the target's engine was closed")
                        .at(Side.TARGET, ""));
        Collection<TargetLease> open = all();
        open.forEach(lease -> context.executor().execute(() -> lease.end(ending)));
        return CompletableFuture.allOf(open.stream().map(TargetLease::done).toArray(CompletableFuture<?>[]::new));
    }
}
