package io.kvferry.control.cluster;

/**
 * A fingerprint of all a node holds, kept by the node and by each controller, so that a difference is noticed.
 *
 * <p>{@code sum} is the sum, modulo 2^64, of the fingerprints of every pair of chunk and tier; the fingerprint is described
 * in {@code cluster.proto}. The order in which chunks came makes no difference.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param count how many pairs of chunk and tier
 * @param sum their fingerprints' sum
 * @since 0.1.0
 */
public record IndexDigest(long count, long sum) {
    /** Of a node that holds nothing. */
    public static final IndexDigest EMPTY = new IndexDigest(0, 0);

    private static final long GOLDEN = 0x9E3779B97F4A7C15L;

    /** The fingerprint of one pair. */
    static long fingerprint(ChunkKeys keys, int index, Tier tier) {
        long hash = tier.number() * GOLDEN;
        for (int word = 0; word < ChunkKeys.words(keys.keyBytes()); word++) {
            hash = mix(hash ^ keys.word(index, word));
        }
        return hash;
    }

    /** The finaliser of MurmurHash3 with its 64-bit constants. */
    static long mix(long value) {
        long mixed = (value ^ (value >>> 33)) * 0xFF51AFD7ED558CCDL;
        mixed = (mixed ^ (mixed >>> 33)) * 0xC4CEB9FE1A85EC53L;
        return mixed ^ (mixed >>> 33);
    }

    /**
     * Returns the digest with one pair more.
     *
     * @param keys where the chunk's key is
     * @param index the key's position
     * @param tier where the chunk is held
     * @return a new digest
     */
    public IndexDigest plus(ChunkKeys keys, int index, Tier tier) {
        return new IndexDigest(count + 1, sum + fingerprint(keys, index, tier));
    }

    /**
     * Returns the digest with one pair less.
     *
     * @param keys where the chunk's key is
     * @param index the key's position
     * @param tier where the chunk was held
     * @return a new digest
     */
    public IndexDigest minus(ChunkKeys keys, int index, Tier tier) {
        return new IndexDigest(count - 1, sum - fingerprint(keys, index, tier));
    }
}
