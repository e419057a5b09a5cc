package io.kvferry.spi;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Blocks as columns that grow, for {@link BlockList}, which checks them. Confined to the thread that uses it. */
final class BlockColumns {
    private long[] keys;
    private long[] offsets;
    private long[] lengths;
    private int[] regionIndexes;
    private int size;
    private final List<MemoryRegion> regions = new ArrayList<>(1);

    BlockColumns(int expectedSize) {
        int capacity = Math.max(1, expectedSize);
        keys = new long[capacity];
        offsets = new long[capacity];
        lengths = new long[capacity];
        regionIndexes = new int[capacity];
    }

    void add(long key, MemoryRegion region, long offset, long length) {
        if (size == keys.length) {
            int capacity = Math.multiplyExact(size, 2);
            keys = Arrays.copyOf(keys, capacity);
            offsets = Arrays.copyOf(offsets, capacity);
            lengths = Arrays.copyOf(lengths, capacity);
            regionIndexes = Arrays.copyOf(regionIndexes, capacity);
        }
        keys[size] = key;
        offsets[size] = offset;
        lengths[size] = length;
        regionIndexes[size] = indexOf(region);
        size++;
    }

    private int indexOf(MemoryRegion region) {
        int last = regions.size() - 1;
        if (last >= 0 && regions.get(last).equals(region)) {
            return last;
        }
        int known = regions.indexOf(region);
        if (known >= 0) {
            return known;
        }
        regions.add(region);
        return regions.size() - 1;
    }

    int size() {
        return size;
    }

    long[] keys() {
        return Arrays.copyOf(keys, size);
    }

    long[] offsets() {
        return Arrays.copyOf(offsets, size);
    }

    long[] lengths() {
        return Arrays.copyOf(lengths, size);
    }

    /** Empty where all blocks are in the first region. */
    int[] regionIndexes() {
        return regions.size() == 1 ? new int[0] : Arrays.copyOf(regionIndexes, size);
    }

    List<MemoryRegion> regions() {
        return List.copyOf(regions);
    }
}
