package io.kvferry.control.lmcache;

import io.kvferry.control.cluster.ChunkBatch;
import io.kvferry.control.cluster.ChunkKeys;
import io.kvferry.control.cluster.NodeSession;
import io.kvferry.control.cluster.NodeStats;
import io.kvferry.control.cluster.Tier;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Ticker;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A registered worker: what it holds, its session with the cluster, and a full sync that goes on. Thread-safe. */
final class Worker {
    private static final Logger LOG = LoggerFactory.getLogger(Worker.class);

    private final WorkerId id;
    private final String scheme;
    private final @Nullable String peerInitUrl;
    private final WorkerPorts ports;
    private final String url;
    private final Ticker ticker;
    private final int maxKeys;
    private final LmCacheCounters counters;

    private final Instant registered = InstantSource.system().instant();

    private final Object lock = new Object();
    private final HeldChunks held = new HeldChunks();
    private final Sequences sequences = new Sequences();
    private @Nullable NodeSession session;
    private long nextBatch = 1;
    private boolean syncWanted;
    private @Nullable FullSync sync;
    private String lastCompletedSync = "";
    /** Why the worker should send all it holds; empty if it need not. */
    private String stale = "";

    private final AtomicInteger asked = new AtomicInteger();
    private volatile long heardNanos;

    Worker(
            WorkerId id,
            String scheme,
            @Nullable String peerInitUrl,
            WorkerPorts ports,
            String url,
            Ticker ticker,
            int maxKeys,
            LmCacheCounters counters) {
        this.id = id;
        this.scheme = scheme;
        this.peerInitUrl = peerInitUrl;
        this.ports = ports;
        this.url = url;
        this.ticker = ticker;
        this.maxKeys = maxKeys;
        this.counters = counters;
        this.heardNanos = ticker.nanos();
    }

    WorkerId id() {
        return id;
    }

    /** When it registered. */
    Instant registered() {
        return registered;
    }

    String scheme() {
        return scheme;
    }

    /** Where peers fetch from it; null if it did not say, and then nobody can. */
    @Nullable
    String peerInitUrl() {
        return peerInitUrl;
    }

    /** Asks the worker at its port, as {@link WorkerPorts#ask}; any answer is a sign of life. */
    CompletableFuture<Message> ask(Message request, Deadline deadline) {
        asked.incrementAndGet();
        CompletableFuture<Message> answer = ports.ask(url, request, deadline, this::heard);
        return answer.whenComplete((_, _) -> asked.decrementAndGet());
    }

    /** Gives up all that is asked of it; completes when that has failed. */
    CompletableFuture<Void> dropAsked() {
        return ports.drop(url);
    }

    /** Whether it was not heard of for so long, and is asked nothing that would tell. */
    boolean isSilentFor(Duration time) {
        return asked.get() == 0 && ticker.nanos() - heardNanos >= time.toNanos();
    }

    List<String> locations() {
        synchronized (lock) {
            return List.copyOf(held.locations());
        }
    }

    /** Memory for what it holds. */
    long heldBytes() {
        synchronized (lock) {
            return held.bytes();
        }
    }

    @Nullable
    String locationOf(long key) {
        synchronized (lock) {
            return held.locationOf(key);
        }
    }

    /** Joins the cluster with nothing held. */
    void join(NodeSession newSession, String reasonToSync) {
        synchronized (lock) {
            session = newSession;
            stale = reasonToSync;
            tellAll(newSession);
        }
        newSession.takeOrders();
    }

    /** The index lost track: it hears all again, at the end of what goes on at this moment. */
    void wantSync() {
        synchronized (lock) {
            syncWanted = true;
        }
    }

    /** Keeps the lease; false once the session has ended and the worker has to register again. */
    boolean keepAlive() {
        synchronized (lock) {
            heardNanos = ticker.nanos();
            return session != null && session.keepAlive(NodeStats.NONE);
        }
    }

    /** Whatever a worker sends is a sign of life; its lease is kept twice as often as it has to be, and not for every message. */
    void heard() {
        NodeSession current = session();
        if (current != null
                && ticker.nanos() - heardNanos >= current.keepAliveInterval().toNanos() / 2) {
            boolean ignored = keepAlive();
        }
    }

    private @Nullable NodeSession session() {
        synchronized (lock) {
            return session;
        }
    }

    /** What to say at the next heartbeat; empty if all is well. */
    String takeStaleReason() {
        synchronized (lock) {
            return sync == null ? stale : "";
        }
    }

    void operate(String location, List<KvOperation> operations) throws MalformedMessageException {
        heard();
        synchronized (lock) {
            checkLocation(location);
            FullSync running = sync;
            if (running != null && running.location().equals(location)) {
                running.addWaiting(operations);
                return;
            }
            operations.forEach(operation -> checkSequence(location, operation.sequence()));
            apply(location, operations);
        }
    }

    private void checkLocation(String location) throws MalformedMessageException {
        if (!sequences.mayName(location)) {
            throw new MalformedMessageException(
                    "worker " + id + " names more than " + Sequences.MAX_LOCATIONS + " locations");
        }
    }

    private void checkSequence(String location, long sequence) {
        OptionalLong before = sequences.gapBefore(location, sequence);
        if (before.isPresent() && stale.isEmpty()) {
            counters.count(LmCacheCounters.Name.SEQUENCE_GAPS);
            stale = "sequence_gap";
            LOG.warn(
                    "worker {} {}: operation {} came after {}; it is asked for a full sync",
                    id,
                    location,
                    sequence,
                    before.getAsLong());
        }
    }

    private void apply(String location, List<KvOperation> operations) {
        NodeSession current = session;
        if (current == null) {
            return;
        }
        if (held.size() + (long) operations.size() > maxKeys) {
            stale = "too_many_keys";
            LOG.warn(
                    "worker {} holds more than kvferry.lmcache.max-keys={} chunks; the rest is not found", id, maxKeys);
            return;
        }
        HeldChunks.Change change = held.apply(location, operations);
        if (!change.isEmpty()) {
            boolean ignored = current.apply(
                    new ChunkBatch(nextBatch++, change.tier(), change.evicted(), change.admitted(), Optional.empty()));
        }
        if (syncWanted) {
            tellAll(current);
        }
    }

    private void tellAll(NodeSession current) {
        syncWanted = false;
        nextBatch = 1;
        current.beginSync();
        for (Map.Entry<Tier, ChunkKeys> tier : held.all().entrySet()) {
            current.addToSync(tier.getKey(), tier.getValue());
        }
        boolean ignored = current.finishSync(Optional.empty());
    }

    /** Begins a full sync of one place. Returns why not, or null. */
    @Nullable
    String beginFullSync(String syncId, String location, long batchCount, Duration timeout)
            throws MalformedMessageException {
        heard();
        synchronized (lock) {
            checkLocation(location);
            FullSync running = sync;
            if (running != null && !running.id().equals(syncId) && !running.isExpired()) {
                return "full sync " + running.id() + " of " + running.location() + " goes on";
            }
            if (batchCount < 0 || batchCount > maxKeys) {
                return "batch_count " + batchCount + " is not 0 to " + maxKeys;
            }
            sync = new FullSync(syncId, location, (int) batchCount, maxKeys, Deadline.after(timeout, ticker));
            return null;
        }
    }

    void addToFullSync(String syncId, long batch, long[] keys) throws MalformedMessageException {
        heard();
        synchronized (lock) {
            running(syncId).add(batch, keys);
        }
    }

    private FullSync running(String syncId) throws MalformedMessageException {
        FullSync running = sync;
        if (running == null || !running.id().equals(syncId)) {
            throw new MalformedMessageException("worker " + id + " has no full sync " + syncId);
        }
        return running;
    }

    /** Ends a full sync: what was heard takes the place of what was known, if it is all. */
    void endFullSync(String syncId, long totalKeys) throws MalformedMessageException {
        heard();
        synchronized (lock) {
            FullSync running = running(syncId);
            String problem = running.problem(totalKeys);
            NodeSession current = session;
            sync = null;
            if (!problem.isEmpty() || current == null) {
                counters.count(LmCacheCounters.Name.FAILED_FULL_SYNCS);
                stale = "sync_failed_retry";
                apply(running.location(), running.waiting());
                throw new MalformedMessageException("full sync " + syncId + " of worker " + id + " failed: " + problem);
            }
            counters.count(LmCacheCounters.Name.FULL_SYNCS);
            held.replace(running.location(), running.keys());
            stale = "";
            lastCompletedSync = syncId;
            sequences.restart(running.location());
            tellAll(current);
            running.waiting().forEach(operation -> checkSequence(running.location(), operation.sequence()));
            apply(running.location(), running.waiting());
        }
    }

    /** How far a full sync is. */
    SyncStatus fullSyncStatus(String syncId) {
        heard();
        synchronized (lock) {
            FullSync running = sync;
            if (running != null && running.id().equals(syncId)) {
                return new SyncStatus(false, running.missing());
            }
            return new SyncStatus(lastCompletedSync.equals(syncId), List.of());
        }
    }

    /** Whether a full sync is complete; if it is not, the batches that have not come. */
    record SyncStatus(boolean complete, List<Long> missing) {}

    /** Whether it has told all it holds, as far as anybody knows. */
    boolean isSynced() {
        synchronized (lock) {
            return sync == null && stale.isEmpty();
        }
    }

    void leave(Deadline deadline) {
        NodeSession current = session();
        if (current != null) {
            current.deregister(deadline);
        }
    }

    /** The front closes; the lease runs on. */
    void detach() {
        NodeSession current = session();
        if (current != null) {
            current.close();
        }
    }
}
