package io.kvferry.control.cluster;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.LongSupplier;

/**
 * What this node holds, so that it can be told again, and whom to tell of changes.
 *
 * <p><b>Threads:</b> Thread-safe. Changes reach every feed in the same order.
 */
final class NodeInventory {
    /** Half a megabyte of the longest keys. */
    static final int MAX_KEYS_PER_FRAME = 16_384;

    private static final int SEGMENTS = 16;

    /** Who is told of changes. */
    interface Feed {
        /** Takes a change, in order, with the inventory's lock held. */
        void add(ChunkDelta delta);

        /** There is something to send; called without the lock. */
        void send();
    }

    private final SchemeIndex index;
    private final HolderSlot slot;
    private final List<Feed> feeds = new CopyOnWriteArrayList<>();
    private final Object lock = new Object();

    NodeInventory(KeyScheme scheme) {
        index = new SchemeIndex(scheme.keyBytes(), SEGMENTS);
        slot = index.open(null);
    }

    void addFeed(Feed feed) {
        feeds.add(feed);
    }

    void admit(Tier tier, ChunkKeys keys) {
        change(tier, keys, true);
    }

    void evict(Tier tier, ChunkKeys keys) {
        change(tier, keys, false);
    }

    private void change(Tier tier, ChunkKeys keys, boolean admit) {
        synchronized (lock) {
            ChunkKeys changed = changed(tier, keys, admit);
            for (int from = 0; from < changed.size(); from += MAX_KEYS_PER_FRAME) {
                int end = Math.min(changed.size(), from + MAX_KEYS_PER_FRAME);
                ChunkDelta delta = new ChunkDelta(
                        tier,
                        changed.slice(from, end),
                        admit,
                        end == changed.size() ? Optional.of(slot.digest()) : Optional.empty());
                feeds.forEach(feed -> feed.add(delta));
            }
        }
        feeds.forEach(Feed::send);
    }

    /** Makes the change here. Returns those keys for which it was one, in their order. */
    private ChunkKeys changed(Tier tier, ChunkKeys keys, boolean admit) {
        int[] changed = admit ? index.admit(slot, tier, keys) : index.evict(slot, tier, keys);
        if (changed.length == keys.size()) {
            return keys;
        }
        Arrays.sort(changed);
        return keys.select(changed);
    }

    /** All that is held at one moment, with its digest and a number. */
    record Snapshot(HeldChunks held, IndexDigest digest, long number) {}

    /** Takes a snapshot and, at the same moment, its number: changes before it are in the snapshot, later ones are not. */
    Snapshot snapshot(LongSupplier number) {
        synchronized (lock) {
            return new Snapshot(index.held(slot), slot.digest(), number.getAsLong());
        }
    }

    long count() {
        return slot.digest().count();
    }
}
