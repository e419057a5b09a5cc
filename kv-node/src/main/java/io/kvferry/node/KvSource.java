package io.kvferry.node;

import java.lang.foreign.MemorySegment;

/**
 * Where the bytes of a KV cache come from.
 *
 * @since 0.1.0
 */
@FunctionalInterface
public interface KvSource {
    /**
     * Writes one layer of a chunk. Called on the thread that calls {@code put}.
     *
     * @param layer the layer, from 0
     * @param chunk the chunk's position in the prompt, from 0
     * @param into where to, all of it
     */
    void write(int layer, int chunk, MemorySegment into);
}
