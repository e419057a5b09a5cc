package io.kvferry.control.lmcache;

import java.security.SecureRandom;
import java.util.Arrays;
import java.util.function.LongConsumer;

/**
 * A set of chunk hashes in one array, open to linear probing: 11 to 22 bytes a key, where a set of boxed numbers takes more than
 * 50. It shrinks when most of it was removed. Externally synchronized.
 */
final class KeySet {
    private static final int MIN_CAPACITY = 16;
    private static final long EMPTY = 0;

    /** Odd and different in each process, so that nobody outside can choose keys that meet in one place. */
    private static final long MULTIPLIER = new SecureRandom().nextLong() | 1;

    private long[] table = new long[MIN_CAPACITY];
    private int size;
    /** Zero marks a free place, so it is kept apart. */
    private boolean hasZero;

    int size() {
        return size + (hasZero ? 1 : 0);
    }

    /** Returns false if the key was there. */
    boolean add(long key) {
        if (key == EMPTY) {
            boolean added = !hasZero;
            hasZero = true;
            return added;
        }
        int place = place(key);
        if (table[place] == key) {
            return false;
        }
        table[place] = key;
        size++;
        if (size > table.length - table.length / 4) {
            resize(table.length * 2);
        }
        return true;
    }

    /** Returns false if the key was not there. */
    boolean remove(long key) {
        if (key == EMPTY) {
            boolean removed = hasZero;
            hasZero = false;
            return removed;
        }
        int place = place(key);
        if (table[place] != key) {
            return false;
        }
        close(place);
        size--;
        if (table.length > MIN_CAPACITY && size < table.length / 8) {
            resize(table.length / 4);
        }
        return true;
    }

    boolean contains(long key) {
        return key == EMPTY ? hasZero : table[place(key)] == key;
    }

    void forEach(LongConsumer action) {
        if (hasZero) {
            action.accept(EMPTY);
        }
        for (long key : table) {
            if (key != EMPTY) {
                action.accept(key);
            }
        }
    }

    /** All keys, in no order. */
    long[] toArray() {
        long[] keys = new long[size()];
        int[] at = new int[1];
        forEach(key -> keys[at[0]++] = key);
        return keys;
    }

    /** Bytes of its memory, but for a few dozen. */
    long bytes() {
        return (long) table.length * Long.BYTES;
    }

    /** Where the key is, or the free place where it belongs. */
    private int place(long key) {
        int mask = table.length - 1;
        int place = home(key);
        while (table[place] != EMPTY && table[place] != key) {
            place = (place + 1) & mask;
        }
        return place;
    }

    /** The upper bits of a product spread best. */
    private int home(long key) {
        return (int) ((key * MULTIPLIER) >>> (Long.numberOfLeadingZeros(table.length) + 1));
    }

    /** Frees a place and moves up what was pushed past it. */
    private void close(int freed) {
        int mask = table.length - 1;
        int hole = freed;
        for (int i = (hole + 1) & mask; table[i] != EMPTY; i = (i + 1) & mask) {
            // a key may move into the hole unless its home lies after the hole
            if (((i - home(table[i])) & mask) >= ((i - hole) & mask)) {
                table[hole] = table[i];
                hole = i;
            }
        }
        table[hole] = EMPTY;
    }

    private void resize(int capacity) {
        long[] old = table;
        table = new long[Math.max(MIN_CAPACITY, capacity)];
        for (long key : old) {
            if (key != EMPTY) {
                table[place(key)] = key;
            }
        }
    }

    @Override
    public String toString() {
        return Arrays.toString(toArray());
    }
}
