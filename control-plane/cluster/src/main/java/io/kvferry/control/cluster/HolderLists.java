package io.kvferry.control.cluster;

import java.util.Arrays;

/**
 * Sorted lists of holders in one array, for the chunks that more than one node holds.
 *
 * <p>A list lives in a block of 4, 8, 16, … words. Its first word is how many holders there are, shifted, with the size
 * class of the block in the lower bits; a free block keeps the offset of the next free one there. A holder is the number of
 * its slot, shifted, with a bit for each tier below.
 *
 * <p><b>Threads:</b> guarded by the lock of the segment it belongs to, except {@link #copy}.
 */
final class HolderLists {
    /** Bits of a holder that say in which tiers. */
    static final int TIER_BITS = 4;

    static final int TIER_MASK = (1 << TIER_BITS) - 1;

    private static final int CLASS_BITS = 5;
    private static final int CLASS_MASK = (1 << CLASS_BITS) - 1;
    private static final int SMALLEST_CLASS = 2;
    private static final int CLASSES = 28;
    private static final int NONE = -1;

    private int[] words = new int[64];
    private int used;
    private final int[] freeBlocks = new int[CLASSES];

    HolderLists() {
        Arrays.fill(freeBlocks, NONE);
    }

    /** Makes a list of two holders. Returns its offset. */
    int create(int one, int other) {
        int list = allocate(SMALLEST_CLASS);
        words[list] = header(2, SMALLEST_CLASS);
        words[list + 1] = Math.min(one, other);
        words[list + 2] = Math.max(one, other);
        return list;
    }

    int size(int list) {
        return words[list] >>> CLASS_BITS;
    }

    int get(int list, int index) {
        return words[list + 1 + index];
    }

    void set(int list, int index, int holder) {
        words[list + 1 + index] = holder;
    }

    /** Position of the holder with a slot, or {@code -1 - where it would be}. */
    int find(int list, int slot) {
        int low = 0;
        int high = size(list) - 1;
        while (low <= high) {
            int middle = (low + high) >>> 1;
            int there = get(list, middle) >>> TIER_BITS;
            if (there == slot) {
                return middle;
            }
            if (there < slot) {
                low = middle + 1;
            } else {
                high = middle - 1;
            }
        }
        return -1 - low;
    }

    /**
     * Copies a list, for who reads while it may change: the outcome may be anything then, but no exception.
     *
     * @return how many holders it has; more than there is room for: nothing is copied
     */
    int copy(int list, int[] into) {
        int[] now = words;
        if (list >= now.length) {
            return 0;
        }
        int count = now[list] >>> CLASS_BITS;
        if (count <= into.length && count < now.length - list) {
            System.arraycopy(now, list + 1, into, 0, count);
        }
        return count;
    }

    /** Reads what {@link #copy} will read, most likely, for who reads while it may change. */
    int touch(int list) {
        int[] now = words;
        return list < now.length ? now[list] : 0;
    }

    /** Adds a holder at the position that {@link #find} named. Returns where the list is now. */
    int insert(int list, int at, int holder) {
        int count = size(list);
        int sizeClass = words[list] & CLASS_MASK;
        int target = list;
        if (count + 1 == 1 << sizeClass) {
            target = allocate(sizeClass + 1);
            System.arraycopy(words, list + 1, words, target + 1, count);
            free(list, sizeClass);
            sizeClass++;
        }
        System.arraycopy(words, target + 1 + at, words, target + 2 + at, count - at);
        words[target + 1 + at] = holder;
        words[target] = header(count + 1, sizeClass);
        return target;
    }

    void removeAt(int list, int at) {
        int count = size(list);
        System.arraycopy(words, list + 2 + at, words, list + 1 + at, count - at - 1);
        words[list] = header(count - 1, words[list] & CLASS_MASK);
    }

    void free(int list) {
        free(list, words[list] & CLASS_MASK);
    }

    long bytes() {
        return (long) Integer.BYTES * words.length;
    }

    private int allocate(int sizeClass) {
        int block = freeBlocks[sizeClass];
        if (block != NONE) {
            freeBlocks[sizeClass] = words[block];
            return block;
        }
        int length = 1 << sizeClass;
        if (used + length > words.length) {
            words = Arrays.copyOf(words, Math.max(used + length, Math.addExact(words.length, words.length >> 2)));
        }
        block = used;
        used += length;
        return block;
    }

    private void free(int list, int sizeClass) {
        words[list] = freeBlocks[sizeClass];
        freeBlocks[sizeClass] = list;
    }

    private static int header(int count, int sizeClass) {
        return (count << CLASS_BITS) | sizeClass;
    }
}
