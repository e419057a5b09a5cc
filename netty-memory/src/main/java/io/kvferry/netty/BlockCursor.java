package io.kvferry.netty;

import io.kvferry.spi.BlockList;
import java.util.List;

/**
 * Walks the bytes of consecutive blocks as contiguous spans of memory; blocks that are neighbours in memory become one
 * span.
 *
 * <p><b>Threads:</b> Confined to one event loop.
 *
 * @since 0.1.0
 */
public final class BlockCursor {
    private final BlockList blocks;
    private final List<HostMemory> memories;

    private int block;
    private long inBlock;

    private HostMemory memory;
    private long start;
    private int length;

    /**
     * Makes a cursor at the first byte of the first block.
     *
     * @param blocks what to walk
     * @param memories the memory of each of {@code blocks.regions()}, in that order
     */
    public BlockCursor(BlockList blocks, List<HostMemory> memories) {
        this.blocks = blocks;
        this.memories = memories;
        this.memory = memories.getFirst();
    }

    /**
     * Moves to a byte of a block.
     *
     * @param newBlock position of the block
     * @param newInBlock offset in the block
     */
    public void moveTo(int newBlock, long newInBlock) {
        block = newBlock;
        inBlock = newInBlock;
        length = 0;
    }

    /**
     * Returns the block that the next span starts in.
     *
     * @return its position
     */
    public int block() {
        return block;
    }

    /**
     * Returns where in {@link #block()} the next span starts.
     *
     * @return an offset, 0 at the start of a block
     */
    public long inBlock() {
        return inBlock;
    }

    /**
     * Finds the next span and moves past it.
     *
     * @param endBlock block to stop before; the cursor is before it
     * @param maxBytes most bytes, at least 1
     */
    public void nextSpan(int endBlock, int maxBytes) {
        memory = memories.get(blocks.regionIndex(block));
        start = blocks.offset(block) + inBlock;
        length = 0;
        do {
            long take = Math.min(blocks.length(block) - inBlock, maxBytes - length);
            length += (int) take;
            inBlock += take;
            if (inBlock == blocks.length(block)) {
                block++;
                inBlock = 0;
            }
        } while (length < maxBytes
                && block < endBlock
                && memories.get(blocks.regionIndex(block)) == memory
                && blocks.offset(block) + inBlock == start + length);
    }

    /**
     * Returns the memory of the span.
     *
     * @return one of the memories given at the start
     */
    public HostMemory memory() {
        return memory;
    }

    /**
     * Returns where the span starts.
     *
     * @return offset in {@link #memory()}
     */
    public long start() {
        return start;
    }

    /**
     * Returns the length of the span.
     *
     * @return bytes
     */
    public int length() {
        return length;
    }
}
