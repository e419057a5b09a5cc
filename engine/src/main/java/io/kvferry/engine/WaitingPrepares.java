package io.kvferry.engine;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/**
 * PREPAREs that came before their offers: bounded in time, and in number and bytes both over all and per peer.
 *
 * <p><b>Threads:</b> Thread-safe. Whoever takes a PREPARE out answers it.
 */
final class WaitingPrepares {
    /** Which part of the bytes one peer may take. */
    private static final int SHARE_OF_PEER = 4;
    /** Of each, beside its blocks and its proposal. */
    private static final long FIXED_BYTES = 512;

    private static final long BLOCK_BYTES = 2 * Long.BYTES;

    private final EngineContext context;
    private final int max;
    private final int maxPerPeer;
    private final long maxBytes;

    // guarded by this
    private final Map<TransferId, List<Waiting>> byId = new HashMap<>();
    private final Map<String, Share> byPeer = new HashMap<>();
    private final Share all = new Share();

    /** One of them. */
    record Waiting(PeerRequest.Prepare request, Deadline deadline, CompletableFuture<PeerReply.Prepared> reply) {
        long bytes() {
            return FIXED_BYTES
                    + BLOCK_BYTES * request.blocks().size()
                    + request.proposal().size();
        }

        void refuse(TransferErrorCode code, String why) {
            reply.completeExceptionally(new TransferException(code, Stage.PREPARE, why));
        }
    }

    /** How many wait, and what they hold. */
    private static final class Share {
        private int count;
        private long bytes;

        void add(Waiting waiting) {
            count++;
            bytes += waiting.bytes();
        }

        void remove(Waiting waiting) {
            count--;
            bytes -= waiting.bytes();
        }
    }

    WaitingPrepares(EngineContext context) {
        this.context = context;
        this.max = context.settings().get(EngineConfigKeys.MAX_WAITING_PREPARES);
        this.maxPerPeer = context.settings().get(EngineConfigKeys.MAX_WAITING_PREPARES_PER_PEER);
        this.maxBytes = context.settings().get(EngineConfigKeys.MAX_WAITING_PREPARE_BYTES);
    }

    /** Lets a PREPARE wait, within the bounds; one that waits already is joined. Its time runs from {@link #start} on. */
    synchronized Waiting add(PeerRequest.Prepare request, Deadline deadline) {
        List<Waiting> sameId = byId.getOrDefault(request.id(), List.of());
        for (Waiting other : sameId) {
            if (other.request.attempt() == request.attempt()
                    && other.request.self().equals(request.self())) {
                return other;
            }
        }
        Deadline until = deadline.earlier(context.after(context.settings().get(EngineConfigKeys.OFFER_WAIT)));
        Waiting added = new Waiting(request, until, new CompletableFuture<>());
        checkRoom(added);
        byId.computeIfAbsent(request.id(), id -> new ArrayList<>(1)).add(added);
        byPeer.computeIfAbsent(request.self().nodeId(), peer -> new Share()).add(added);
        all.add(added);
        return added;
    }

    private void checkRoom(Waiting next) {
        Share ofPeer = byPeer.getOrDefault(next.request.self().nodeId(), new Share());
        long maxBytesPerPeer = maxBytes / SHARE_OF_PEER;
        if (all.count >= max
                || ofPeer.count >= maxPerPeer
                || next.bytes() > maxBytes - all.bytes
                || next.bytes() > maxBytesPerPeer - ofPeer.bytes) {
            throw new TransferException(
                    TransferErrorCode.RESOURCE_EXHAUSTED,
                    Stage.PREPARE,
                    "no room for a prepare of " + next.bytes() + " bytes that waits for its offer: there are "
                            + all.count
                            + " (kvferry.max-waiting-prepares=" + max + ") with " + all.bytes
                            + " bytes (kvferry.max-waiting-prepare-bytes=" + maxBytes + "), of this peer "
                            + ofPeer.count + " (kvferry.max-waiting-prepares-per-peer=" + maxPerPeer + ") with "
                            + ofPeer.bytes + " bytes of " + maxBytesPerPeer);
        }
    }

    /** Lets the time run, and returns the answer: NOT_FOUND where no offer takes it by its deadline. */
    CompletableFuture<PeerReply.Prepared> start(Waiting waiting) {
        Scheduler.Scheduled timer = context.scheduler().schedule(waiting.deadline, () -> {
            if (remove(waiting)) {
                waiting.refuse(
                        TransferErrorCode.NOT_FOUND,
                        "no offer of transfer " + waiting.request.id() + " came in time (kvferry.offer-wait)");
            }
        });
        var ignored = waiting.reply.whenComplete((reply, failure) -> timer.cancel());
        return waiting.reply;
    }

    /** Takes one out; false where somebody took it before. */
    private synchronized boolean remove(Waiting waiting) {
        List<Waiting> sameId = byId.get(waiting.request.id());
        if (sameId == null || !sameId.remove(waiting)) {
            return false;
        }
        if (sameId.isEmpty()) {
            byId.remove(waiting.request.id());
        }
        leaves(waiting);
        return true;
    }

    /** Takes out all that wait for an offer. */
    synchronized List<Waiting> take(TransferId id) {
        List<Waiting> taken = byId.remove(id);
        if (taken == null) {
            return List.of();
        }
        taken.forEach(this::leaves);
        return taken;
    }

    /** Takes out a peer's attempts up to one that is over. */
    synchronized List<Waiting> take(TransferId id, PeerIdentity peer, int attempt) {
        List<Waiting> sameId = byId.get(id);
        if (sameId == null) {
            return List.of();
        }
        List<Waiting> taken = sameId.stream()
                .filter(waiting -> waiting.request.self().equals(peer) && waiting.request.attempt() <= attempt)
                .toList();
        sameId.removeAll(taken);
        if (sameId.isEmpty()) {
            byId.remove(id);
        }
        taken.forEach(this::leaves);
        return taken;
    }

    /** Takes out all. */
    synchronized List<Waiting> takeAll() {
        List<Waiting> taken = new ArrayList<>(all.count);
        byId.values().forEach(taken::addAll);
        byId.clear();
        taken.forEach(this::leaves);
        return taken;
    }

    private void leaves(Waiting waiting) {
        all.remove(waiting);
        byPeer.computeIfPresent(waiting.request.self().nodeId(), (peer, share) -> {
            share.remove(waiting);
            return share.count == 0 ? null : share;
        });
    }

    synchronized int size() {
        return all.count;
    }
}
