package io.kvferry.control.cluster;

import java.util.Arrays;
import java.util.concurrent.locks.StampedLock;

/**
 * One part of an index: chunk key to holders, in arrays of primitives.
 *
 * <p>Entries lie next to each other: {@link #keys} has each key's words, {@link #holders} its holder, or the complement of
 * the offset of a list when there are several. {@link #table} is an open hash table with linear probing of entry numbers
 * plus one. A removed entry's place is taken by the last one, so there are no holes.
 *
 * <p><b>Threads:</b> Thread-safe. Look-ups share the lock; nothing is called with it held.
 */
final class IndexSegment {
    private static final int SMALLEST = 16;

    private final StampedLock lock = new StampedLock();
    private final int words;
    private final long salt;

    // all guarded by lock
    private int[] table = new int[SMALLEST];
    private long[] keys;
    private int[] holders = new int[SMALLEST];
    private int size;
    private long pairs;
    private final HolderLists lists = new HolderLists();

    IndexSegment(int words, long salt) {
        this.words = words;
        this.salt = salt;
        this.keys = new long[SMALLEST * words];
    }

    /** The hash of a key: salted, so that nobody can choose keys that collide. */
    static long hash(ChunkKeys chunks, int index, int words, long salt) {
        long hash = salt;
        for (int word = 0; word < words; word++) {
            hash = IndexDigest.mix(hash ^ chunks.word(index, word));
        }
        return hash;
    }

    /** A node's slot holds a chunk in one more tier. Returns false if it was known already. */
    boolean add(ChunkKeys chunks, int index, long hash, int slot, int tierBit) {
        long stamp = lock.writeLock();
        try {
            int entry = find(chunks, index, hash);
            int holder = (slot << HolderLists.TIER_BITS) | tierBit;
            if (entry < 0) {
                insert(chunks, index, hash, holder);
                pairs++;
                return true;
            }
            return addHolder(entry, holder);
        } finally {
            lock.unlockWrite(stamp);
        }
    }

    private boolean addHolder(int entry, int holder) {
        int there = holders[entry];
        int slot = holder >>> HolderLists.TIER_BITS;
        if (there < 0) {
            int list = ~there;
            int at = lists.find(list, slot);
            if (at < 0) {
                holders[entry] = ~lists.insert(list, -1 - at, holder);
                pairs++;
                return true;
            }
            int old = lists.get(list, at);
            lists.set(list, at, old | holder);
            return (old | holder) != old;
        }
        if (there >>> HolderLists.TIER_BITS == slot) {
            holders[entry] = there | holder;
            return (there | holder) != there;
        }
        holders[entry] = ~lists.create(there, holder);
        pairs++;
        return true;
    }

    /** A node's slot does not hold a chunk in a tier any more. Returns false if it was not known to. */
    boolean remove(ChunkKeys chunks, int index, long hash, int slot, int tierBit) {
        long stamp = lock.writeLock();
        try {
            int entry = find(chunks, index, hash);
            if (entry < 0) {
                return false;
            }
            int there = holders[entry];
            int at = there < 0 ? lists.find(~there, slot) : 0;
            int old = there < 0 ? (at < 0 ? 0 : lists.get(~there, at)) : there;
            if (old >>> HolderLists.TIER_BITS != slot || (old & tierBit) == 0) {
                return false;
            }
            int left = old & ~tierBit;
            if ((left & HolderLists.TIER_MASK) == 0) {
                removeHolder(entry, at);
            } else if (there < 0) {
                lists.set(~there, at, left);
            } else {
                holders[entry] = left;
            }
            return true;
        } finally {
            lock.unlockWrite(stamp);
        }
    }

    private void removeHolder(int entry, int at) {
        pairs--;
        int there = holders[entry];
        if (there >= 0) {
            removeEntry(entry);
            return;
        }
        int list = ~there;
        lists.removeAt(list, at);
        if (lists.size(list) == 1) {
            holders[entry] = lists.get(list, 0);
            lists.free(list);
        }
    }

    /** Hands a chunk's holders to a visitor. Returns false if the chunk is not known. */
    boolean visit(ChunkKeys chunks, int index, long hash, HolderVisitor visitor) {
        long stamp = lock.readLock();
        try {
            int entry = find(chunks, index, hash);
            if (entry < 0) {
                return false;
            }
            visitor.visit(lists, holders[entry]);
            return true;
        } finally {
            lock.unlockRead(stamp);
        }
    }

    /** Looks at the holders of one chunk, with the segment's lock held: it must be short and call nothing. */
    interface HolderVisitor {
        /**
         * Looks at the holders.
         *
         * @param lists where lists of holders are
         * @param holders one holder, or the complement of the offset of a list
         */
        void visit(HolderLists lists, int holders);
    }

    /**
     * Removes the holders of dead slots from some entries, going down.
     *
     * @param end the entry after the first one to look at; {@link Integer#MAX_VALUE} to begin
     * @param count how many entries to look at
     * @param slots the slots there are
     * @return what to give as {@code end} next; 0 when all were looked at
     */
    int sweep(int end, int count, HolderSlots slots) {
        long stamp = lock.writeLock();
        try {
            int from = Math.min(end, size);
            int to = Math.max(0, from - count);
            for (int entry = from - 1; entry >= to; entry--) {
                sweepEntry(entry, slots);
            }
            if (to == 0) {
                shrink();
            }
            return to;
        } finally {
            lock.unlockWrite(stamp);
        }
    }

    private void sweepEntry(int entry, HolderSlots slots) {
        int there = holders[entry];
        if (there >= 0) {
            if (slots.isDead(there >>> HolderLists.TIER_BITS)) {
                removeHolder(entry, 0);
            }
            return;
        }
        for (int at = lists.size(~there) - 1; at >= 0 && holders[entry] < 0; at--) {
            if (slots.isDead(lists.get(~there, at) >>> HolderLists.TIER_BITS)) {
                removeHolder(entry, at);
            }
        }
        // two became one, and that one may be dead, too
        if (holders[entry] >= 0 && slots.isDead(holders[entry] >>> HolderLists.TIER_BITS)) {
            removeHolder(entry, 0);
        }
    }

    /** Copies every key that a slot holds, with its tiers, to a collector. */
    void collect(int slot, HeldChunks into) {
        long stamp = lock.readLock();
        try {
            for (int entry = 0; entry < size; entry++) {
                int there = holders[entry];
                int at = there < 0 ? lists.find(~there, slot) : 0;
                int holder = there < 0 ? (at < 0 ? 0 : lists.get(~there, at)) : there;
                if (holder >>> HolderLists.TIER_BITS == slot && holder != 0) {
                    into.add(keys, entry * words, holder & HolderLists.TIER_MASK);
                }
            }
        } finally {
            lock.unlockRead(stamp);
        }
    }

    long chunks() {
        long stamp = lock.readLock();
        try {
            return size;
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
            return (long) Integer.BYTES * (table.length + holders.length)
                    + (long) Long.BYTES * keys.length
                    + lists.bytes();
        } finally {
            lock.unlockRead(stamp);
        }
    }

    private int find(ChunkKeys chunks, int index, long hash) {
        int mask = table.length - 1;
        for (int at = (int) hash & mask; table[at] != 0; at = (at + 1) & mask) {
            if (isKey(table[at] - 1, chunks, index)) {
                return table[at] - 1;
            }
        }
        return -1;
    }

    private boolean isKey(int entry, ChunkKeys chunks, int index) {
        for (int word = 0; word < words; word++) {
            if (keys[entry * words + word] != chunks.word(index, word)) {
                return false;
            }
        }
        return true;
    }

    private void insert(ChunkKeys chunks, int index, long hash, int holder) {
        if (size == holders.length) {
            int capacity = Math.addExact(size, Math.max(SMALLEST, size >> 2));
            holders = Arrays.copyOf(holders, capacity);
            keys = Arrays.copyOf(keys, Math.multiplyExact(capacity, words));
        }
        // three quarters full at most
        if (size + 1 > table.length - (table.length >> 2)) {
            rehash(table.length * 2);
        }
        int entry = size++;
        holders[entry] = holder;
        for (int word = 0; word < words; word++) {
            keys[entry * words + word] = chunks.word(index, word);
        }
        link(entry, hash);
    }

    private void link(int entry, long hash) {
        int mask = table.length - 1;
        int at = (int) hash & mask;
        while (table[at] != 0) {
            at = (at + 1) & mask;
        }
        table[at] = entry + 1;
    }

    private void rehash(int length) {
        table = new int[length];
        for (int entry = 0; entry < size; entry++) {
            link(entry, hashOf(entry));
        }
    }

    private long hashOf(int entry) {
        long hash = salt;
        for (int word = 0; word < words; word++) {
            hash = IndexDigest.mix(hash ^ keys[entry * words + word]);
        }
        return hash;
    }

    private void removeEntry(int entry) {
        unlink(place(entry));
        int last = --size;
        if (entry != last) {
            table[place(last)] = entry + 1;
            holders[entry] = holders[last];
            System.arraycopy(keys, last * words, keys, entry * words, words);
        }
    }

    /** Where in the table an entry is. */
    private int place(int entry) {
        int mask = table.length - 1;
        int at = (int) hashOf(entry) & mask;
        while (table[at] != entry + 1) {
            at = (at + 1) & mask;
        }
        return at;
    }

    /** Empties a place and moves up what would not be found any more. */
    private void unlink(int place) {
        int mask = table.length - 1;
        int hole = place;
        int at = place;
        while (true) {
            at = (at + 1) & mask;
            if (table[at] == 0) {
                table[hole] = 0;
                return;
            }
            int home = (int) hashOf(table[at] - 1) & mask;
            if (((at - home) & mask) >= ((at - hole) & mask)) {
                table[hole] = table[at];
                hole = at;
            }
        }
    }

    /** Gives memory back after many entries are gone. */
    private void shrink() {
        int capacity = Math.max(SMALLEST, size + (size >> 2));
        if (capacity > holders.length / 2) {
            return;
        }
        holders = Arrays.copyOf(holders, capacity);
        keys = Arrays.copyOf(keys, capacity * words);
        rehash(Math.max(SMALLEST, Integer.highestOneBit(capacity) * 2));
    }
}
