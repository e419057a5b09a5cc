package io.kvferry.cli.file;

import io.kvferry.spi.BlockList;
import io.kvferry.spi.MemoryRegion;

/**
 * How a file is cut into windows, and a window into blocks. Both sides compute it from the same two numbers.
 *
 * @param sizeBytes the file
 * @param windowBytes every window but the last
 */
record WindowPlan(long sizeBytes, int windowBytes) {
    static final int MIN_WINDOW = 64 << 10;
    static final int MAX_WINDOW = 1 << 30;

    /** More would not be counted by an int, in windows of the smallest size. */
    static final long MAX_FILE = 64L << 40;

    /** Small enough that a backend spreads a window over all its lanes. */
    private static final int BLOCK_BYTES = 1 << 20;

    int count() {
        return Math.toIntExact((sizeBytes + windowBytes - 1) / windowBytes);
    }

    long offset(int window) {
        return (long) window * windowBytes;
    }

    int length(int window) {
        return (int) Math.min(windowBytes, sizeBytes - offset(window));
    }

    /** How much memory one window needs at most; at least one byte, for an empty file too. */
    long memoryBytes() {
        return Math.clamp(sizeBytes, 1, windowBytes);
    }

    /** The blocks of a window that lies at the beginning of a region; keys count the blocks of the whole file. */
    BlockList blocks(int window, MemoryRegion region) {
        int length = length(window);
        int count = (length + BLOCK_BYTES - 1) / BLOCK_BYTES;
        long firstKey = (long) window * ((windowBytes + BLOCK_BYTES - 1) / BLOCK_BYTES);
        BlockList.Builder blocks = BlockList.builder(count);
        for (int i = 0; i < count; i++) {
            long offset = (long) i * BLOCK_BYTES;
            blocks.add(firstKey + i, region, offset, Math.min(BLOCK_BYTES, length - offset));
        }
        return blocks.build();
    }
}
