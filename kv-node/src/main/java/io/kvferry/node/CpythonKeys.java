package io.kvferry.node;

import io.kvferry.control.cluster.ChunkKeys;

/**
 * Chunk keys as LMCache's workers make them whose hash is Python's own, for whoever asks for chunks by tokens.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @since 0.1.0
 */
public final class CpythonKeys {
    private final KeyChain chain;

    private CpythonKeys(KeyChain chain) {
        this.chain = chain;
    }

    /**
     * Makes the keys of workers on CPython 3.12 or later; older ones agree with nobody.
     *
     * @param seed their PYTHONHASHSEED, a number from 0 to 4294967295
     * @param chunkTokens tokens in a chunk, from 1
     * @return what makes their keys
     * @throws IllegalArgumentException if the seed is none
     */
    public static CpythonKeys of(String seed, int chunkTokens) {
        return new CpythonKeys(KeyChain.of(new CpythonHash(seed), chunkTokens, ""));
    }

    /**
     * Makes the keys of a token sequence.
     *
     * @param tokens the sequence, from its beginning
     * @return 8 bytes for each whole chunk, first chunk first
     * @throws IllegalArgumentException for a negative token
     */
    public ChunkKeys keys(int[] tokens) {
        return chain.keys(tokens);
    }
}
