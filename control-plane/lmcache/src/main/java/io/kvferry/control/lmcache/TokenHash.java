package io.kvferry.control.lmcache;

import io.kvferry.control.cluster.ChunkKeys;

/**
 * Makes the chunk keys of a token sequence as the workers do, so that people can ask by tokens.
 *
 * <p><b>Threads:</b> called from many at once; must not block.
 *
 * @since 0.1.0
 */
@FunctionalInterface
public interface TokenHash {
    /**
     * Makes the keys of all whole chunks.
     *
     * @param tokens the sequence, from its beginning
     * @return keys of 8 bytes, first chunk first; none if there is no whole chunk
     * @throws IllegalArgumentException for a token that is none
     */
    ChunkKeys keys(int[] tokens);
}
