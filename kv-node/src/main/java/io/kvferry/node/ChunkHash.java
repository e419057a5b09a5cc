package io.kvferry.node;

/**
 * The hash that chains chunk keys: each key is made of the key before it and the tokens of its chunk.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
sealed interface ChunkHash permits Sha256Hash, VllmCborHash, CpythonHash {
    /** The configuration's value that selects it. */
    String name();

    /** Length of every key. */
    int keyBytes();

    /** What stands for the key before the first one. */
    byte[] root();

    /** The key of the chunk that follows {@code parent}. */
    byte[] next(byte[] parent, int[] tokens, int from, int to);
}
