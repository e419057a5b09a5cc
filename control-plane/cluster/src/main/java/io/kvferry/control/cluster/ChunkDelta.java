package io.kvferry.control.cluster;

import java.util.Optional;

/**
 * A change of what this node holds, on its way to a controller.
 *
 * @param tier where
 * @param keys which chunks; all of them are a real change
 * @param admitted true if they came, false if they left
 * @param digest of all the node holds after it; empty for a part of a larger change
 */
record ChunkDelta(Tier tier, ChunkKeys keys, boolean admitted, Optional<IndexDigest> digest) {
    ChunkBatch batch(long sequence) {
        ChunkKeys none = ChunkKeys.none(keys.keyBytes());
        return new ChunkBatch(sequence, tier, admitted ? none : keys, admitted ? keys : none, digest);
    }
}
