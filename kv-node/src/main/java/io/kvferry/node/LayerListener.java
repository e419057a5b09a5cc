package io.kvferry.node;

import java.lang.foreign.MemorySegment;

/**
 * Hears of each layer of each chunk as soon as it can be used, while later ones are still on their way.
 *
 * <p><b>Threads:</b> called one after the other for chunks that come together, never concurrently for one chunk. May take
 * its time; a blocking call of the node from it is refused with INVALID_REQUEST. What it throws is logged and goes no
 * further.
 *
 * @since 0.1.0
 */
@FunctionalInterface
public interface LayerListener {
    /**
     * A layer of a chunk is there. Called exactly once for each, before the call that fetches returns.
     *
     * @param layer the layer, from 0
     * @param chunk the chunk's position in the prompt, from 0
     * @param block its bytes, to be read during this call only
     */
    void arrived(int layer, int chunk, MemorySegment block);
}
