package io.kvferry.control.cluster;

import java.util.Objects;

/**
 * A question for the longest prefix of a chain of chunks that other nodes hold.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param scheme name of the scheme that the keys were made with
 * @param keys the chain, first chunk first; at least one
 * @param exclude id of a node whose chunks do not count, usually of the one that asks; empty for none
 * @param maxHolders how many holders the answer may name, 1 to {@value #MAX_HOLDERS}
 * @since 0.1.0
 */
public record Lookup(String scheme, ChunkKeys keys, String exclude, int maxHolders) {
    /** The most holders that an answer names. */
    public static final int MAX_HOLDERS = 64;

    private static final int USUAL_HOLDERS = 4;

    /**
     * Checks all parts.
     *
     * @throws IllegalArgumentException if there are no keys or the number of holders is out of range
     */
    public Lookup {
        Objects.requireNonNull(scheme, "scheme");
        Objects.requireNonNull(exclude, "exclude");
        if (keys.isEmpty()) {
            throw new IllegalArgumentException("a look-up has at least one key");
        }
        if (maxHolders < 1 || maxHolders > MAX_HOLDERS) {
            throw new IllegalArgumentException("holders " + maxHolders + " are not 1 to " + MAX_HOLDERS);
        }
    }

    /**
     * Makes a look-up that names up to four holders.
     *
     * @param scheme name of the scheme that the keys were made with
     * @param keys the chain
     * @param exclude id of a node whose chunks do not count; empty for none
     * @return the look-up
     */
    public static Lookup of(String scheme, ChunkKeys keys, String exclude) {
        return new Lookup(scheme, keys, exclude, USUAL_HOLDERS);
    }
}
