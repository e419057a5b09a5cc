package io.kvferry.backend.tcp;

import io.kvferry.spi.BlockList;
import java.util.List;

/**
 * Walks the bytes of consecutive blocks as contiguous spans of memory; blocks that are neighbours in memory become one
 * span. Confined to one event loop.
 */
final class BlockCursor {
    private final BlockList blocks;
    private final List<TcpMemory> memories;

    private int block;
    private long inBlock;

    private TcpMemory memory;
    private long start;
    private int length;

    BlockCursor(BlockList blocks, List<TcpMemory> memories) {
        this.blocks = blocks;
        this.memories = memories;
        this.memory = memories.getFirst();
    }

    void moveTo(int newBlock, long newInBlock) {
        block = newBlock;
        inBlock = newInBlock;
        length = 0;
    }

    /** The block that the next span starts in. */
    int block() {
        return block;
    }

    /** Where in {@link #block()} the next span starts; 0 at the start of a block. */
    long inBlock() {
        return inBlock;
    }

    /**
     * Finds the next span and moves past it.
     *
     * @param endBlock block to stop before; the cursor is before it
     * @param maxBytes most bytes, at least 1
     */
    void nextSpan(int endBlock, int maxBytes) {
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

    TcpMemory memory() {
        return memory;
    }

    /** Offset of the span in {@link #memory()}. */
    long start() {
        return start;
    }

    int length() {
        return length;
    }
}
