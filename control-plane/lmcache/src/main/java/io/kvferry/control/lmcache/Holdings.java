package io.kvferry.control.lmcache;

import io.kvferry.control.cluster.ChunkBatch;
import io.kvferry.control.cluster.ChunkKeys;
import io.kvferry.control.cluster.NodeSession;
import io.kvferry.control.cluster.Tier;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Ticker;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What a worker says it holds, as the cluster's index hears it, and a full sync that goes on. Thread-safe. */
final class Holdings {
    private static final Logger LOG = LoggerFactory.getLogger(Holdings.class);

    private final WorkerId id;
    private final Ticker ticker;
    private final int maxKeys;
    private final LmCacheCounters counters;

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

    Holdings(WorkerId id, Ticker ticker, int maxKeys, LmCacheCounters counters) {
        this.id = id;
        this.ticker = ticker;
        this.maxKeys = maxKeys;
        this.counters = counters;
    }

    List<String> locations() {
        synchronized (lock) {
            return List.copyOf(held.locations());
        }
    }

    /** Memory for what it holds. */
    long bytes() {
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

    /** Tells a new session that there is nothing. */
    void join(NodeSession newSession, String reasonToSync) {
        synchronized (lock) {
            session = newSession;
            stale = reasonToSync;
            tellAll(newSession);
        }
    }

    /** The index lost track: it hears all again, at the end of what goes on at this moment. */
    void wantSync() {
        synchronized (lock) {
            syncWanted = true;
        }
    }

    /** What to say at the next heartbeat; empty if all is well. */
    String takeStaleReason() {
        synchronized (lock) {
            return sync == null ? stale : "";
        }
    }

    void operate(String location, List<KvOperation> operations) throws MalformedMessageException {
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
}
