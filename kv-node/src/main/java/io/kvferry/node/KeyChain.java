package io.kvferry.node;

import io.kvferry.control.cluster.ChunkKeys;
import io.kvferry.control.cluster.KeyScheme;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;

/**
 * Makes the keys of a token sequence: one for each whole chunk, each standing for all tokens up to the end of its chunk.
 *
 * <p><b>Threads:</b> Immutable.
 */
final class KeyChain {
    private static final int FINGERPRINT_BYTES = 12;

    private final ChunkHash hash;
    private final KeyScheme scheme;

    private KeyChain(ChunkHash hash, KeyScheme scheme) {
        this.hash = hash;
        this.scheme = scheme;
    }

    /**
     * Makes the chain of a hash.
     *
     * @param hash the hash
     * @param chunkTokens tokens in a chunk
     * @param identity all that two nodes must agree on to use each other's chunks
     */
    static KeyChain of(ChunkHash hash, int chunkTokens, String identity) {
        byte[] fingerprint = Sha256.digest().digest(identity.getBytes(StandardCharsets.UTF_8));
        String name = hash.name() + "/" + HexFormat.of().formatHex(fingerprint, 0, FINGERPRINT_BYTES);
        return new KeyChain(hash, new KeyScheme(name, hash.keyBytes(), chunkTokens));
    }

    KeyScheme scheme() {
        return scheme;
    }

    /** The keys of all whole chunks; tokens after the last one have none. */
    ChunkKeys keys(int[] tokens) {
        int chunkTokens = scheme.chunkTokens();
        int count = tokens.length / chunkTokens;
        ByteArrayOutputStream packed = new ByteArrayOutputStream(count * hash.keyBytes());
        byte[] key = hash.root();
        for (int chunk = 0; chunk < count; chunk++) {
            int from = chunk * chunkTokens;
            checkTokens(tokens, from, from + chunkTokens);
            key = hash.next(key, tokens, from, from + chunkTokens);
            packed.writeBytes(key);
        }
        return ChunkKeys.of(hash.keyBytes(), packed.toByteArray());
    }

    private static void checkTokens(int[] tokens, int from, int to) {
        for (int i = from; i < to; i++) {
            if (tokens[i] < 0) {
                throw new IllegalArgumentException("token " + tokens[i] + " at position " + i + " is negative");
            }
        }
    }

    @Override
    public String toString() {
        return scheme.toString();
    }
}
