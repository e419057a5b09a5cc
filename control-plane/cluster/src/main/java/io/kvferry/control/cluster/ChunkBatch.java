package io.kvferry.control.cluster;

import java.util.Objects;
import java.util.Optional;

/**
 * A numbered change of what a node holds: first {@code evicted} leaves, then {@code admitted} comes.
 *
 * <p>Batches of one session are numbered from 1 after each sync, without a gap. Only real changes are sent: what is held
 * is not admitted again.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param sequence its number, from 1
 * @param tier the tier that changes
 * @param evicted what the node does not hold there any more
 * @param admitted what it holds there from now on
 * @param digest of all the node holds after this batch; empty when the node keeps none
 * @since 0.1.0
 */
public record ChunkBatch(
        long sequence, Tier tier, ChunkKeys evicted, ChunkKeys admitted, Optional<IndexDigest> digest) {
    /** Checks that nothing is missing. */
    public ChunkBatch {
        Objects.requireNonNull(tier, "tier");
        Objects.requireNonNull(evicted, "evicted");
        Objects.requireNonNull(admitted, "admitted");
        Objects.requireNonNull(digest, "digest");
    }
}
