package io.kvferry.control.cluster;

import java.util.concurrent.locks.StampedLock;

/**
 * One part of an index: chunk key to holders. A key's number in {@link #keys} is its holder, or the complement of the offset
 * of a list when there are several.
 *
 * <p><b>Threads:</b> Thread-safe. Look-ups read without the lock first, and with it only if something changed meanwhile.
 */
final class IndexSegment {
    /** No holder and no list has this number. */
    private static final int UNKNOWN = Integer.MAX_VALUE;

    private final StampedLock lock = new StampedLock();

    // all guarded by lock
    private final KeyTable keys;
    private final HolderLists lists = new HolderLists();
    private long pairs;

    IndexSegment(int words, long salt) {
        this.keys = new KeyTable(words, salt);
    }

    /**
     * Adds some chunks to what a node's slot holds in a tier, or removes them.
     *
     * @param order positions of keys; those that were a change are moved to the front
     * @param from the first position to look at in {@code order}
     * @param end after the last one
     * @return how many were a change
     */
    int change(ChunkKeys chunks, long[] hashes, int[] order, int from, int end, int slot, int tierBit, boolean admit) {
        long stamp = lock.writeLock();
        try {
            int changed = 0;
            for (int i = from; i < end; i++) {
                int index = order[i];
                if (admit
                        ? add(chunks, index, hashes[index], slot, tierBit)
                        : remove(chunks, index, hashes[index], slot, tierBit)) {
                    order[from + changed++] = index;
                }
            }
            return changed;
        } finally {
            lock.unlockWrite(stamp);
        }
    }

    private boolean add(ChunkKeys chunks, int index, long hash, int slot, int tierBit) {
        int record = keys.find(chunks, index, hash);
        int holder = (slot << HolderLists.TIER_BITS) | tierBit;
        if (record < 0) {
            keys.insert(chunks, index, hash, holder);
            pairs++;
            return true;
        }
        return addHolder(record, holder);
    }

    private boolean addHolder(int record, int holder) {
        int there = keys.number(record);
        int slot = holder >>> HolderLists.TIER_BITS;
        if (there < 0) {
            int list = ~there;
            int at = lists.find(list, slot);
            if (at < 0) {
                keys.number(record, ~lists.insert(list, -1 - at, holder));
                pairs++;
                return true;
            }
            int old = lists.get(list, at);
            lists.set(list, at, old | holder);
            return (old | holder) != old;
        }
        if (there >>> HolderLists.TIER_BITS == slot) {
            keys.number(record, there | holder);
            return (there | holder) != there;
        }
        keys.number(record, ~lists.create(there, holder));
        pairs++;
        return true;
    }

    private boolean remove(ChunkKeys chunks, int index, long hash, int slot, int tierBit) {
        int record = keys.find(chunks, index, hash);
        if (record < 0) {
            return false;
        }
        int there = keys.number(record);
        int at = there < 0 ? lists.find(~there, slot) : 0;
        int old = there < 0 ? (at < 0 ? 0 : lists.get(~there, at)) : there;
        if (old >>> HolderLists.TIER_BITS != slot || (old & tierBit) == 0) {
            return false;
        }
        int left = old & ~tierBit;
        if ((left & HolderLists.TIER_MASK) == 0) {
            removeHolder(record, at);
        } else if (there < 0) {
            lists.set(~there, at, left);
        } else {
            keys.number(record, left);
        }
        return true;
    }

    private void removeHolder(int record, int at) {
        pairs--;
        int there = keys.number(record);
        if (there >= 0) {
            keys.remove(record);
            return;
        }
        int list = ~there;
        lists.removeAt(list, at);
        if (lists.size(list) == 1) {
            keys.number(record, lists.get(list, 0));
            lists.free(list);
        }
    }

    /**
     * Copies a chunk's holders.
     *
     * @param into takes them, ordered by slot
     * @return how many there are; 0 if the chunk is not known. More than there is room for: nothing is copied
     */
    int holders(ChunkKeys chunks, int index, long hash, int[] into) {
        long stamp = lock.tryOptimisticRead();
        if (stamp != 0) {
            int count = copyHolders(chunks, index, hash, into);
            if (lock.validate(stamp)) {
                return count;
            }
        }
        stamp = lock.readLock();
        try {
            return copyHolders(chunks, index, hash, into);
        } finally {
            lock.unlockRead(stamp);
        }
    }

    private int copyHolders(ChunkKeys chunks, int index, long hash, int[] into) {
        int number = keys.numberOf(chunks, index, hash, UNKNOWN);
        if (number < 0) {
            return lists.copy(~number, into);
        }
        if (number == UNKNOWN) {
            return 0;
        }
        into[0] = number;
        return 1;
    }

    /** Reads what {@link #holders} will read, most likely, without a promise. Returns something that depends on it. */
    int touch(long hash) {
        long there = keys.touch(hash);
        int number = (int) there;
        return (int) (there >>> Integer.SIZE) ^ (number < 0 ? lists.touch(~number) : number);
    }

    /**
     * Removes the holders of dead slots from some records, going down.
     *
     * @param end the record after the first one to look at; {@link Integer#MAX_VALUE} to begin
     * @param count how many records to look at
     * @param slots the slots there are
     * @return what to give as {@code end} next; 0 when all were looked at
     */
    int sweep(int end, int count, HolderSlots slots) {
        long stamp = lock.writeLock();
        try {
            int from = Math.min(end, keys.size());
            int to = Math.max(0, from - count);
            for (int record = from - 1; record >= to; record--) {
                sweepRecord(record, slots);
            }
            if (to == 0) {
                keys.shrink();
            }
            return to;
        } finally {
            lock.unlockWrite(stamp);
        }
    }

    private void sweepRecord(int record, HolderSlots slots) {
        int there = keys.number(record);
        if (there >= 0) {
            if (slots.isDead(there >>> HolderLists.TIER_BITS)) {
                removeHolder(record, 0);
            }
            return;
        }
        for (int at = lists.size(~there) - 1; at >= 0 && keys.number(record) < 0; at--) {
            if (slots.isDead(lists.get(~there, at) >>> HolderLists.TIER_BITS)) {
                removeHolder(record, at);
            }
        }
        // two became one, and that one may be dead, too
        if (keys.number(record) >= 0 && slots.isDead(keys.number(record) >>> HolderLists.TIER_BITS)) {
            removeHolder(record, 0);
        }
    }

    /** Copies every key that a slot holds, with its tiers, to a collector. */
    void collect(int slot, HeldChunks into) {
        long stamp = lock.readLock();
        try {
            for (int record = 0; record < keys.size(); record++) {
                int there = keys.number(record);
                int at = there < 0 ? lists.find(~there, slot) : 0;
                int holder = there < 0 ? (at < 0 ? 0 : lists.get(~there, at)) : there;
                if (holder >>> HolderLists.TIER_BITS == slot && holder != 0) {
                    keys.copy(record, holder & HolderLists.TIER_MASK, into);
                }
            }
        } finally {
            lock.unlockRead(stamp);
        }
    }

    long chunks() {
        long stamp = lock.readLock();
        try {
            return keys.size();
        } finally {
            lock.unlockRead(stamp);
        }
    }

    long pairs() {
        long stamp = lock.readLock();
        try {
            return pairs;
        } finally {
            lock.unlockRead(stamp);
        }
    }

    long bytes() {
        long stamp = lock.readLock();
        try {
            return keys.bytes() + lists.bytes();
        } finally {
            lock.unlockRead(stamp);
        }
    }
}
