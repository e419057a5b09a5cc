package io.kvferry.control.cluster;

import java.util.Objects;
import java.util.regex.Pattern;

/**
 * How chunk keys are made. Nodes find each other's chunks only under the same scheme.
 *
 * <p>The name stands for everything that goes into a key: the hash, its seed, the model and the layout of the cache. Two
 * nodes of one name that differ in the other fields are not compatible, and the second one is refused.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param name 1 to 128 printable ASCII characters without spaces
 * @param keyBytes length of every key, 1 to 32
 * @param chunkTokens tokens in a chunk, from 1
 * @since 0.1.0
 */
public record KeyScheme(String name, int keyBytes, int chunkTokens) {
    private static final Pattern NAME = Pattern.compile("[!-~]{1,128}");

    /**
     * Checks all parts.
     *
     * @throws IllegalArgumentException if one is out of range
     */
    public KeyScheme {
        Objects.requireNonNull(name, "name");
        if (!NAME.matcher(name).matches()) {
            throw new IllegalArgumentException("a key scheme has 1 to 128 printable ASCII characters without spaces");
        }
        if (keyBytes < 1 || keyBytes > ChunkKeys.MAX_KEY_BYTES) {
            throw new IllegalArgumentException("a chunk key has 1 to 32 bytes, not " + keyBytes);
        }
        if (chunkTokens < 1) {
            throw new IllegalArgumentException("a chunk has at least one token, not " + chunkTokens);
        }
    }

    @Override
    public String toString() {
        return name + " (" + keyBytes + " bytes for " + chunkTokens + " tokens)";
    }
}
