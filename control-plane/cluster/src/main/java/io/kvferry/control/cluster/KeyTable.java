package io.kvferry.control.cluster;

import io.kvferry.spi.TransferErrorCode;
import java.util.Arrays;

/**
 * Chunk keys with one number each, in arrays of primitives.
 *
 * <p>Records lie next to each other: a key's words, then its number, so that a find touches one or two cache lines beside the
 * table. The table is an open hash table with linear probing; a place has the record's position plus one and, above it, eight
 * bits of the hash, so that hardly ever a wrong key is looked at. A removed record's place is taken by the last one, so there
 * are no holes.
 *
 * <p><b>Threads:</b> changed by one thread at a time. Another one may read meanwhile: it gets anything, but neither an
 * exception nor an endless loop, and has to find out by itself that it was meanwhile ({@link IndexSegment} does).
 */
final class KeyTable {
    private static final int SMALLEST = 16;
    private static final int TAG_SHIFT = 24;
    private static final int POSITION_MASK = (1 << TAG_SHIFT) - 1;
    private static final int TAG_MASK = ~POSITION_MASK;
    private static final int MOST_RECORDS = POSITION_MASK - 1;

    private final int words;
    private final int stride;
    private final long salt;

    /** Replaced when it grows or shrinks. Whoever reads an old one may meet positions that only a newer one has room for. */
    private Storage storage;

    private int size;

    /** The two arrays; one of them may go on in the next storage. */
    private static final class Storage {
        /** As long as a power of two. */
        final int[] table;

        final long[] records;

        Storage(int[] table, long[] records) {
            this.table = table;
            this.records = records;
        }
    }

    KeyTable(int words, long salt) {
        this.words = words;
        this.stride = words + 1;
        this.salt = salt;
        this.storage = new Storage(new int[SMALLEST], new long[SMALLEST * stride]);
    }

    /** The hash of a key: salted, so that nobody can choose keys that collide. */
    static long hash(ChunkKeys chunks, int index, int words, long salt) {
        long hash = salt;
        for (int word = 0; word < words; word++) {
            hash = IndexDigest.mix(hash ^ chunks.word(index, word));
        }
        return hash;
    }

    int size() {
        return size;
    }

    long bytes() {
        return (long) Integer.BYTES * storage.table.length + (long) Long.BYTES * storage.records.length;
    }

    /** Position of a key's record, or -1. */
    int find(ChunkKeys chunks, int index, long hash) {
        return find(storage, chunks, index, hash);
    }

    private int find(Storage now, ChunkKeys chunks, int index, long hash) {
        int mask = now.table.length - 1;
        int tag = tag(hash);
        int at = (int) hash & mask;
        // the table is never full; who reads while it changes must not take that for granted
        for (int left = now.table.length; left > 0; left--) {
            int place = now.table[at];
            if (place == 0) {
                return -1;
            }
            int record = (place & POSITION_MASK) - 1;
            if ((place & TAG_MASK) == tag
                    && record * stride < now.records.length
                    && isKey(now.records, record * stride, chunks, index)) {
                return record;
            }
            at = (at + 1) & mask;
        }
        return -1;
    }

    /** The number of a key, or what is given for none, for who reads while it may change. */
    int numberOf(ChunkKeys chunks, int index, long hash, int none) {
        Storage now = storage;
        int record = find(now, chunks, index, hash);
        return record < 0 ? none : (int) now.records[record * stride + words];
    }

    /** Reads what {@link #numberOf} will read, most likely. The lower half of what is returned is the number there. */
    long touch(long hash) {
        Storage now = storage;
        int place = now.table[(int) hash & (now.table.length - 1)];
        if ((place & TAG_MASK) != tag(hash) || place == 0) {
            return 0;
        }
        int record = ((place & POSITION_MASK) - 1) * stride;
        return record < now.records.length
                ? (now.records[record] << Integer.SIZE) ^ Integer.toUnsignedLong((int) now.records[record + words])
                : 0;
    }

    private boolean isKey(long[] records, int from, ChunkKeys chunks, int index) {
        for (int word = 0; word < words; word++) {
            if (records[from + word] != chunks.word(index, word)) {
                return false;
            }
        }
        return true;
    }

    int number(int record) {
        return (int) storage.records[record * stride + words];
    }

    void number(int record, int number) {
        storage.records[record * stride + words] = number;
    }

    /** Copies a record's key to a collector, with the tiers in which it is held. */
    void copy(int record, int tierBits, HeldChunks into) {
        into.add(storage.records, record * stride, tierBits);
    }

    /** Adds a key that is not there. */
    void insert(ChunkKeys chunks, int index, long hash, int number) {
        makeRoom();
        int record = size++;
        long[] records = storage.records;
        for (int word = 0; word < words; word++) {
            records[record * stride + word] = chunks.word(index, word);
        }
        records[record * stride + words] = number;
        link(storage.table, record, hash);
    }

    private void makeRoom() {
        int capacity = storage.records.length / stride;
        boolean recordsFull = size == capacity;
        // three quarters full at most
        boolean tableFull = size + 1 > storage.table.length - (storage.table.length >> 2);
        if (!recordsFull && !tableFull) {
            return;
        }
        if (size >= MOST_RECORDS) {
            throw ControllerContext.error(
                    TransferErrorCode.RESOURCE_EXHAUSTED, "the index has its most chunks; use another controller");
        }
        int wanted = recordsFull ? Math.min(MOST_RECORDS, capacity + Math.max(SMALLEST, capacity >> 2)) : capacity;
        long[] records =
                recordsFull ? Arrays.copyOf(storage.records, Math.multiplyExact(wanted, stride)) : storage.records;
        storage = new Storage(tableFull ? tableOf(records, storage.table.length * 2) : storage.table, records);
    }

    private int[] tableOf(long[] records, int length) {
        int[] table = new int[length];
        for (int record = 0; record < size; record++) {
            link(table, record, hashOf(records, record));
        }
        return table;
    }

    private static void link(int[] table, int record, long hash) {
        int mask = table.length - 1;
        int at = (int) hash & mask;
        while (table[at] != 0) {
            at = (at + 1) & mask;
        }
        table[at] = tag(hash) | (record + 1);
    }

    /** Bits of the hash that choose neither the segment nor, in tables of a usual size, the place. */
    private static int tag(long hash) {
        return (int) (hash >>> 32) & TAG_MASK;
    }

    private long hashOf(long[] records, int record) {
        long hash = salt;
        for (int word = 0; word < words; word++) {
            hash = IndexDigest.mix(hash ^ records[record * stride + word]);
        }
        return hash;
    }

    void remove(int record) {
        Storage now = storage;
        unlink(now, place(now, record));
        int last = --size;
        if (record != last) {
            int place = place(now, last);
            now.table[place] = (now.table[place] & TAG_MASK) | (record + 1);
            System.arraycopy(now.records, last * stride, now.records, record * stride, stride);
        }
    }

    /** Where in the table a record is. */
    private int place(Storage now, int record) {
        int mask = now.table.length - 1;
        int at = (int) hashOf(now.records, record) & mask;
        while ((now.table[at] & POSITION_MASK) != record + 1) {
            at = (at + 1) & mask;
        }
        return at;
    }

    /** Empties a place and moves up what would not be found any more. */
    private void unlink(Storage now, int place) {
        int[] table = now.table;
        int mask = table.length - 1;
        int hole = place;
        int at = place;
        while (true) {
            at = (at + 1) & mask;
            if (table[at] == 0) {
                table[hole] = 0;
                return;
            }
            int home = (int) hashOf(now.records, (table[at] & POSITION_MASK) - 1) & mask;
            if (((at - home) & mask) >= ((at - hole) & mask)) {
                table[hole] = table[at];
                hole = at;
            }
        }
    }

    /** Gives memory back after many records are gone. */
    void shrink() {
        int capacity = Math.max(SMALLEST, size + (size >> 2));
        if (capacity > storage.records.length / stride / 2) {
            return;
        }
        long[] records = Arrays.copyOf(storage.records, capacity * stride);
        storage = new Storage(tableOf(records, Math.max(SMALLEST, Integer.highestOneBit(capacity) * 2)), records);
    }
}
