package io.kvferry.spi;

import java.util.Arrays;
import java.util.List;

/**
 * The blocks of a lease or of a transfer, kept in columns so that ten thousand blocks cost a few arrays and no objects.
 *
 * <p>Position {@code i} runs from 0 to {@link #size()} - 1. Keys are unique; offsets and lengths lie inside their
 * region: both are checked once, when the list is made, so that nobody behind needs to. Lists are meant to be made once
 * and used for many transfers. A position outside a list is an {@link IndexOutOfBoundsException}.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @since 0.1.0
 */
public final class BlockList {
    private final long[] keys;
    private final long[] offsets;
    private final long[] lengths;
    private final BlockKeys blockKeys;
    /** Position in {@link #regions} per block; empty when all blocks are in the first region. */
    private final int[] regionIndexes;

    private final List<MemoryRegion> regions;
    private final KeyIndex index;
    private final long totalBytes;

    private BlockList(BlockColumns columns) {
        this.keys = columns.keys();
        this.offsets = columns.offsets();
        this.lengths = columns.lengths();
        this.regionIndexes = columns.regionIndexes();
        this.regions = columns.regions();
        this.blockKeys = new BlockKeys(keys, lengths);
        this.index = KeyIndex.of(keys);
        long total = 0;
        for (int i = 0; i < keys.length; i++) {
            checkBounds(i);
            total += lengths[i];
            if (total < 0) {
                throw invalid("the lengths of " + keys.length + " blocks exceed 2^63-1 bytes");
            }
        }
        this.totalBytes = total;
    }

    private void checkBounds(int i) {
        long size = region(i).sizeBytes();
        if (offsets[i] < 0 || lengths[i] < 1 || lengths[i] > size || offsets[i] > size - lengths[i]) {
            throw invalid("block " + keys[i] + " [" + offsets[i] + " +" + lengths[i] + "] is not inside its region of "
                    + size + " bytes");
        }
    }

    private static TransferException invalid(String detail) {
        return new TransferException(TransferErrorCode.INVALID_REQUEST, Stage.PREPARE, detail);
    }

    /**
     * Makes a list of equal blocks that lie one behind the other in a region, with consecutive keys.
     *
     * @param region the memory
     * @param firstKey key of the first block
     * @param firstOffset offset of the first block in the region, in bytes
     * @param blockBytes size of each block, at least 1
     * @param count how many, at least 1
     * @return the list
     * @throws TransferException INVALID_REQUEST if the blocks do not fit the region
     */
    public static BlockList uniform(MemoryRegion region, long firstKey, long firstOffset, long blockBytes, int count) {
        if (count < 1 || blockBytes < 1 || blockBytes > Long.MAX_VALUE / count) {
            throw invalid("no such blocks: count=" + count + " blockBytes=" + blockBytes);
        }
        Builder builder = builder(count);
        for (int i = 0; i < count; i++) {
            builder.add(firstKey + i, region, firstOffset + i * blockBytes, blockBytes);
        }
        return builder.build();
    }

    /**
     * Makes a list of blocks.
     *
     * @param blocks at least one, with different keys
     * @return the list, in the given order
     * @throws TransferException INVALID_REQUEST for no block, a key used twice or a block outside its region
     */
    public static BlockList of(Iterable<Block> blocks) {
        Builder builder = builder(16);
        for (Block block : blocks) {
            builder.add(block.key(), block.region(), block.offset(), block.length());
        }
        return builder.build();
    }

    /**
     * Makes a list of blocks.
     *
     * @param blocks at least one, with different keys
     * @return the list, in the given order
     * @throws TransferException INVALID_REQUEST for no block, a key used twice or a block outside its region
     */
    public static BlockList of(Block... blocks) {
        return of(Arrays.asList(blocks));
    }

    /**
     * Starts a list.
     *
     * @param expectedSize about how many blocks will be added
     * @return an empty builder, confined to the thread that uses it
     */
    public static Builder builder(int expectedSize) {
        return new Builder(expectedSize);
    }

    /**
     * Returns how many blocks there are.
     *
     * @return at least 1
     */
    public int size() {
        return keys.length;
    }

    /**
     * Returns the sum of all lengths.
     *
     * @return bytes
     */
    public long totalBytes() {
        return totalBytes;
    }

    /**
     * Returns the sum of the lengths in a range.
     *
     * @param range positions, inside this list
     * @return bytes
     */
    public long bytes(BlockRange range) {
        if (range.count() == keys.length) {
            return totalBytes;
        }
        long sum = 0;
        for (int i = range.first(); i < range.end(); i++) {
            sum += lengths[i];
        }
        return sum;
    }

    /**
     * Returns the key of a block.
     *
     * @param position the block
     * @return its key
     */
    public long key(int position) {
        return keys[position];
    }

    /**
     * Returns where a block begins.
     *
     * @param position the block
     * @return bytes from the start of its region
     */
    public long offset(int position) {
        return offsets[position];
    }

    /**
     * Returns the size of a block.
     *
     * @param position the block
     * @return bytes, at least 1
     */
    public long length(int position) {
        return lengths[position];
    }

    /**
     * Returns the region of a block.
     *
     * @param position the block
     * @return the region
     */
    public MemoryRegion region(int position) {
        return regions.get(regionIndex(position));
    }

    /**
     * Returns the region of a block, by its position in {@link #regions()}.
     *
     * @param position the block
     * @return a position in {@link #regions()}
     */
    public int regionIndex(int position) {
        return regionIndexes.length == 0 ? 0 : regionIndexes[position];
    }

    /**
     * Returns the regions that blocks of this list are in, each once.
     *
     * @return at least one region, unmodifiable
     */
    public List<MemoryRegion> regions() {
        return regions;
    }

    /**
     * Finds a block by key.
     *
     * @param key the key
     * @return its position, or -1 if no block has that key
     */
    public int position(long key) {
        return index.position(key);
    }

    /**
     * Returns the blocks at some positions as a list of their own.
     *
     * @param positions positions in this list, each at most once, at least one
     * @return the list, in the order of {@code positions}
     * @throws TransferException INVALID_REQUEST for no position, or one named twice
     * @throws IndexOutOfBoundsException for a position outside this list
     */
    public BlockList select(int... positions) {
        Builder builder = builder(positions.length);
        for (int position : positions) {
            builder.add(keys[position], region(position), offsets[position], lengths[position]);
        }
        return builder.build();
    }

    /**
     * Returns what the other side matches these blocks by.
     *
     * @return keys and lengths, in order; always the same object
     */
    public BlockKeys blockKeys() {
        return blockKeys;
    }

    @Override
    public String toString() {
        return size() + " blocks, " + totalBytes + " bytes in " + regions;
    }

    /** Collects blocks. Confined to the thread that uses it. */
    public static final class Builder {
        private final BlockColumns columns;

        private Builder(int expectedSize) {
            columns = new BlockColumns(expectedSize);
        }

        /**
         * Adds a block.
         *
         * @param key different from all keys added before
         * @param region the memory
         * @param offset bytes from the region's start
         * @param length bytes, at least 1
         * @return this
         */
        public Builder add(long key, MemoryRegion region, long offset, long length) {
            columns.add(key, region, offset, length);
            return this;
        }

        /**
         * Makes the list.
         *
         * @return the list, in the order of the calls
         * @throws TransferException INVALID_REQUEST for no block, a key used twice or a block outside its region
         */
        public BlockList build() {
            if (columns.size() == 0) {
                throw invalid("a block list needs at least one block");
            }
            return new BlockList(columns);
        }
    }
}
