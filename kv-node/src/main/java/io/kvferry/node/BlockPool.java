package io.kvferry.node;

import io.kvferry.spi.BlockList;
import io.kvferry.spi.MemoryRegion;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.IntStream;

/**
 * One registered region, cut into slots of one chunk each.
 *
 * <p><b>Threads:</b> Immutable; who may touch a slot is the {@link ChunkStore}'s to say.
 */
final class BlockPool {
    /** Slots begin at pages, so that direct I/O and huge pages stay possible. */
    private static final long ALIGNMENT = 4096;

    private final MemoryRegion region;
    private final MemorySegment segment;
    private final int layers;
    private final long layerBytes;
    private final long slotBytes;
    private final int slots;

    BlockPool(MemoryRegion region, KvLayout layout, int chunkTokens) {
        this.region = region;
        this.segment = region.segment();
        this.layers = layout.layers();
        this.layerBytes = layout.layerBytes(chunkTokens);
        this.slotBytes = slotBytes(layout, chunkTokens);
        this.slots = (int) Math.min(Integer.MAX_VALUE, region.sizeBytes() / slotBytes);
    }

    static long slotBytes(KvLayout layout, int chunkTokens) {
        return Math.ceilDiv(layout.chunkBytes(chunkTokens), ALIGNMENT) * ALIGNMENT;
    }

    int slots() {
        return slots;
    }

    int layers() {
        return layers;
    }

    long chunkBytes() {
        return layers * layerBytes;
    }

    /** The memory of all slots. */
    long bytes() {
        return region.sizeBytes();
    }

    /** All layers of a chunk. */
    MemorySegment chunk(int slot) {
        return segment.asSlice(slot * slotBytes, chunkBytes());
    }

    MemorySegment layer(int slot, int layer) {
        return segment.asSlice(slot * slotBytes + layer * layerBytes, layerBytes);
    }

    /**
     * The blocks of some chunks, layer after layer, so that a layer of all chunks is one range. A block's key is its layer
     * in the upper half and the position of its chunk in the lower one.
     *
     * @param chunkSlots the slots of chunks
     * @param positions positions of the chunks, the same at both sides of a transfer
     */
    BlockList blocks(int[] chunkSlots, List<Integer> positions) {
        BlockList.Builder blocks = BlockList.builder(Math.multiplyExact(layers, chunkSlots.length));
        for (int layer = 0; layer < layers; layer++) {
            for (int i = 0; i < chunkSlots.length; i++) {
                long key = ((long) layer << Integer.SIZE) | positions.get(i);
                blocks.add(key, region, chunkSlots[i] * slotBytes + layer * layerBytes, layerBytes);
            }
        }
        return blocks.build();
    }

    /** The blocks of chunks at positions 0, 1, 2 and so on. */
    BlockList blocks(int[] chunkSlots) {
        return blocks(chunkSlots, IntStream.range(0, chunkSlots.length).boxed().toList());
    }
}
