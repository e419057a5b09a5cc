package io.kvferry.node;

import io.kvferry.spi.Deadline;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Chunks that somebody wants to be kept, each until a deadline.
 *
 * <p><b>Threads:</b> Guarded by the lock of its {@link ChunkStore}.
 */
final class PinnedChunks {
    private final Set<StoredChunk> chunks = new LinkedHashSet<>();
    private long expired;

    /** Pins a chunk; of two pins the longer one wins. */
    void pin(StoredChunk chunk, Deadline until) {
        Deadline now = chunk.pinnedUntil;
        chunk.pinnedUntil = now != null && now.atNanos() - until.atNanos() > 0 ? now : until;
        chunks.add(chunk);
    }

    /** Returns whether it was pinned. */
    boolean unpin(StoredChunk chunk) {
        chunk.pinnedUntil = null;
        return chunks.remove(chunk);
    }

    /** Ends the pins whose time is over. */
    void unpinExpired(Consumer<StoredChunk> unpinned) {
        chunks.removeIf(chunk -> {
            Deadline until = chunk.pinnedUntil;
            if (until == null || !until.isExpired()) {
                return false;
            }
            expired++;
            chunk.pinnedUntil = null;
            unpinned.accept(chunk);
            return true;
        });
    }

    int size() {
        return chunks.size();
    }

    /** How many pins ended by themselves. */
    long expired() {
        return expired;
    }
}
