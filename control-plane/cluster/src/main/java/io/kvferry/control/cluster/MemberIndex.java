package io.kvferry.control.cluster;

import io.kvferry.spi.TransferErrorCode;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What one node holds, as told by its numbered batches.
 *
 * <p>A sync fills a slot of its own, which takes the place of the old one in one step when it is complete: look-ups see what
 * was known before, and then what is right. A sync that breaks off leaves nothing behind, so it can be begun again at will.
 *
 * <p><b>Threads:</b> Thread-safe; changes are made one at a time.
 */
final class MemberIndex {
    /** What is to be heard next. */
    private enum Mode {
        /** All the node holds: nothing is known, or what is known is wrong. */
        AWAITING_SYNC,
        /** More of all the node holds. */
        SYNCING,
        /** The next batch. */
        FOLLOWING
    }

    private final Member member;
    private final ChunkIndex chunks;
    private final SchemeIndex index;
    private final Counter.Counters counters;
    private final Runnable whenSyncChanges;

    // all guarded by this
    private Mode mode = Mode.AWAITING_SYNC;
    private @Nullable HolderSlot syncing;
    private long lastSequence;
    private boolean closed;

    /** What look-ups see; changed with this monitor held. */
    private volatile @Nullable HolderSlot published;

    private volatile boolean synced;

    MemberIndex(Member member, ChunkIndex chunks, Counter.Counters counters, Runnable whenSyncChanges) {
        this.member = member;
        this.chunks = chunks;
        this.index = chunks.of(member.registration().scheme());
        this.counters = counters;
        this.whenSyncChanges = whenSyncChanges;
    }

    /** Another session has begun: its node sends everything first. */
    synchronized void restart() {
        await();
    }

    synchronized void beginSync() {
        discardSync();
        if (!closed) {
            syncing = index.open(member);
            mode = Mode.SYNCING;
        }
    }

    synchronized void addToSync(Tier tier, ChunkKeys keys) {
        HolderSlot slot = syncing;
        if (mode != Mode.SYNCING || slot == null) {
            throw ControllerContext.error(TransferErrorCode.PROTOCOL_ERROR, "part of a sync that was not begun");
        }
        counters.add(Counter.CHUNKS_ADMITTED, index.admit(slot, tier, keys).length);
    }

    /** Puts what was sent in the place of what was known. Returns why that is wrong, or null. */
    synchronized @Nullable String finishSync(Optional<IndexDigest> told) {
        HolderSlot slot = syncing;
        if (mode != Mode.SYNCING || slot == null) {
            throw ControllerContext.error(TransferErrorCode.PROTOCOL_ERROR, "end of a sync that was not begun");
        }
        String problem = difference(slot, told);
        if (problem != null) {
            await();
            return problem;
        }
        syncing = null;
        HolderSlot old = published;
        published = slot;
        slot.publish();
        if (old != null) {
            chunks.close(index, old);
        }
        mode = Mode.FOLLOWING;
        lastSequence = 0;
        synced = true;
        whenSyncChanges.run();
        counters.increment(Counter.SYNCS);
        return null;
    }

    /** Applies the next change. Returns why the node has to sync, or null. Ignores what comes before that sync. */
    synchronized @Nullable String apply(ChunkBatch batch) {
        HolderSlot slot = published;
        if (mode != Mode.FOLLOWING || slot == null) {
            counters.increment(Counter.BATCHES_IGNORED);
            return null;
        }
        if (batch.sequence() != lastSequence + 1) {
            counters.increment(Counter.SEQUENCE_GAPS);
            await();
            return "batch " + batch.sequence() + " came after " + lastSequence;
        }
        lastSequence = batch.sequence();
        counters.increment(Counter.BATCHES);
        counters.add(Counter.CHUNKS_EVICTED, index.evict(slot, batch.tier(), batch.evicted()).length);
        counters.add(Counter.CHUNKS_ADMITTED, index.admit(slot, batch.tier(), batch.admitted()).length);
        String problem = difference(slot, batch.digest());
        if (problem != null) {
            await();
        }
        return problem;
    }

    /** The node is gone: what it holds vanishes. */
    synchronized void close() {
        closed = true;
        await();
        HolderSlot slot = published;
        published = null;
        if (slot != null) {
            chunks.close(index, slot);
        }
    }

    boolean isSynced() {
        return synced;
    }

    long chunks() {
        HolderSlot slot = published;
        return slot == null ? 0 : slot.digest().count();
    }

    int keyBytes() {
        return index.keyBytes();
    }

    private @Nullable String difference(HolderSlot slot, Optional<IndexDigest> told) {
        IndexDigest known = slot.digest();
        if (told.isEmpty() || told.get().equals(known)) {
            return null;
        }
        counters.increment(Counter.DIGEST_MISMATCHES);
        return "the node holds " + told.get().count() + " chunks, the index says " + known.count()
                + ", or they are not the same";
    }

    private void await() {
        discardSync();
        synced = false;
        whenSyncChanges.run();
        mode = Mode.AWAITING_SYNC;
    }

    private void discardSync() {
        HolderSlot slot = syncing;
        syncing = null;
        if (slot != null) {
            chunks.close(index, slot);
        }
    }
}
