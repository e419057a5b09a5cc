package io.kvferry.node;

import io.kvferry.spi.Deadline;
import org.jspecify.annotations.Nullable;

/** A chunk in the pool. Its fields are guarded by the lock of its {@link ChunkStore}. */
final class StoredChunk {
    private final ChunkId id;
    private final int slot;
    /** Readers and leases; while there is one, the slot is not given to anybody else. */
    int uses;

    @Nullable
    Deadline pinnedUntil;

    StoredChunk(ChunkId id, int slot) {
        this.id = id;
        this.slot = slot;
    }

    ChunkId id() {
        return id;
    }

    int slot() {
        return slot;
    }
}
