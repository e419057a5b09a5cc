package io.kvferry.node;

import io.kvferry.control.cluster.ChunkKeys;
import io.kvferry.spi.Deadline;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/**
 * Which chunk is in which slot of the pool, and which one leaves when there is no room: the one that was used longest ago
 * and is neither pinned nor in use.
 *
 * <p>A slot is free, reserved (somebody fills it, nobody else sees it) or stored. A stored chunk that is in use or pinned is
 * not among the idle ones, and only idle ones are evicted: so finding the one to evict takes no search.
 *
 * <p><b>Threads:</b> Thread-safe. Its lock is held for look-ups in maps only.
 */
final class ChunkStore {
    private final Object lock = new Object();
    private final ChunkListener listener;
    // guarded by lock
    private final int[] free;
    private int freeCount;
    private final Map<ChunkId, StoredChunk> stored = new HashMap<>();
    /** Evictable, the one that was used longest ago first. */
    private final SequencedMap<ChunkId, StoredChunk> idle = new LinkedHashMap<>();

    private final PinnedChunks pinned = new PinnedChunks();
    private long evictions;
    private long shortages;

    ChunkStore(int slots, ChunkListener listener) {
        this.listener = listener;
        this.free = new int[slots];
        this.freeCount = slots;
        // the lowest slots are handed out first
        Arrays.setAll(free, i -> slots - 1 - i);
    }

    /** How many chunks from the first on are here, without a gap. Counts as a use. */
    int prefix(ChunkKeys keys) {
        synchronized (lock) {
            int chunks = 0;
            while (chunks < keys.size()) {
                ChunkId id = new ChunkId(keys.key(chunks));
                if (!stored.containsKey(id)) {
                    break;
                }
                StoredChunk evictable = idle.remove(id);
                if (evictable != null) {
                    idle.putLast(id, evictable);
                }
                chunks++;
            }
            return chunks;
        }
    }

    /** Takes a use of each chunk from the first on that is here, without a gap. */
    List<StoredChunk> acquirePrefix(ChunkKeys keys) {
        List<StoredChunk> acquired = new ArrayList<>();
        synchronized (lock) {
            for (int i = 0; i < keys.size(); i++) {
                StoredChunk chunk = acquireOne(new ChunkId(keys.key(i)));
                if (chunk == null) {
                    break;
                }
                acquired.add(chunk);
            }
        }
        return acquired;
    }

    /** Tells whether a chunk is here now. */
    boolean holds(ChunkId id) {
        synchronized (lock) {
            return stored.containsKey(id);
        }
    }

    /** Takes a use of one chunk, or returns null where it is not here. */
    @Nullable
    StoredChunk acquire(ChunkId id) {
        synchronized (lock) {
            return acquireOne(id);
        }
    }

    private @Nullable StoredChunk acquireOne(ChunkId id) {
        StoredChunk chunk = stored.get(id);
        if (chunk != null) {
            chunk.uses++;
            idle.remove(id);
        }
        return chunk;
    }

    /** Gives uses back; the last chunk of the collection counts as the one used longest ago: a chain loses its end first. */
    void release(Collection<StoredChunk> chunks) {
        synchronized (lock) {
            List.copyOf(chunks).reversed().forEach(this::releaseOne);
        }
    }

    private void releaseOne(StoredChunk chunk) {
        chunk.uses--;
        idleIfUnused(chunk);
    }

    private void idleIfUnused(StoredChunk chunk) {
        if (chunk.uses == 0 && chunk.pinnedUntil == null && stored.get(chunk.id()) == chunk) {
            idle.putLast(chunk.id(), chunk);
        }
    }

    /** Reserves slots, evicting idle chunks where none is free; fewer than asked for where there is no more room. */
    int[] reserve(int atMost) {
        int[] slots = reserveNow(atMost);
        listener.changed();
        return slots;
    }

    private int[] reserveNow(int atMost) {
        synchronized (lock) {
            if (freeCount + idle.size() < atMost) {
                unpinExpired();
            }
            int count = Math.min(atMost, freeCount + idle.size());
            if (count < atMost) {
                shortages++;
            }
            int[] slots = new int[count];
            for (int i = 0; i < count; i++) {
                if (freeCount == 0) {
                    evict(idle.firstEntry().getValue());
                }
                slots[i] = free[--freeCount];
            }
            return slots;
        }
    }

    private void evict(StoredChunk chunk) {
        evictions++;
        drop(chunk);
    }

    private void drop(StoredChunk chunk) {
        idle.remove(chunk.id());
        stored.remove(chunk.id());
        free[freeCount++] = chunk.slot();
        listener.evicted(chunk.id());
    }

    /** Gives reserved slots back unused. */
    void unreserve(int[] slots) {
        synchronized (lock) {
            for (int slot : slots) {
                free[freeCount++] = slot;
            }
        }
    }

    /**
     * Stores what was filled in.
     *
     * @return the chunk with a use taken; where another thread was first, that one's, and the slot is free again
     */
    StoredChunk commit(ChunkId id, int slot) {
        StoredChunk chunk = commitNow(id, slot);
        listener.changed();
        return chunk;
    }

    private StoredChunk commitNow(ChunkId id, int slot) {
        synchronized (lock) {
            StoredChunk other = acquireOne(id);
            if (other != null) {
                free[freeCount++] = slot;
                return other;
            }
            StoredChunk chunk = new StoredChunk(id, slot);
            chunk.uses = 1;
            stored.put(id, chunk);
            listener.admitted(id);
            return chunk;
        }
    }

    /** Stores chunks that were filled in together. */
    List<StoredChunk> commitAll(ChunkKeys keys, int[] slots) {
        List<StoredChunk> chunks = new ArrayList<>(slots.length);
        for (int i = 0; i < slots.length; i++) {
            chunks.add(commitNow(new ChunkId(keys.key(i)), slots[i]));
        }
        listener.changed();
        return chunks;
    }

    /** Keeps chunks from being evicted: all, or none where one is missing. A longer pin wins. */
    boolean pin(ChunkKeys keys, Deadline until) {
        synchronized (lock) {
            List<StoredChunk> chunks = find(keys);
            if (chunks.size() < keys.size()) {
                return false;
            }
            for (StoredChunk chunk : chunks) {
                pinned.pin(chunk, until);
                idle.remove(chunk.id());
            }
            return true;
        }
    }

    /** Lets chunks be evicted again. Returns how many were pinned. */
    int unpin(ChunkKeys keys) {
        synchronized (lock) {
            int count = 0;
            for (StoredChunk chunk : find(keys)) {
                if (pinned.unpin(chunk)) {
                    count++;
                    idleIfUnused(chunk);
                }
            }
            return count;
        }
    }

    private List<StoredChunk> find(ChunkKeys keys) {
        List<StoredChunk> chunks = new ArrayList<>();
        for (int i = 0; i < keys.size(); i++) {
            StoredChunk chunk = stored.get(new ChunkId(keys.key(i)));
            if (chunk != null) {
                chunks.add(chunk);
            }
        }
        return chunks;
    }

    /** Pins end when room is needed or somebody counts them; nobody else could tell the difference. */
    private void unpinExpired() {
        pinned.unpinExpired(this::idleIfUnused);
    }

    /** Drops a chunk unless it is pinned or in use. */
    boolean drop(ChunkId id) {
        boolean dropped;
        synchronized (lock) {
            StoredChunk chunk = idle.get(id);
            dropped = chunk != null;
            if (chunk != null) {
                drop(chunk);
            }
        }
        listener.changed();
        return dropped;
    }

    /** Drops all chunks that are neither pinned nor in use. */
    int clear() {
        List<StoredChunk> chunks;
        synchronized (lock) {
            unpinExpired();
            chunks = List.copyOf(idle.values());
            chunks.forEach(this::drop);
        }
        listener.changed();
        return chunks.size();
    }

    /** Everything that is held. */
    List<ChunkId> held() {
        synchronized (lock) {
            return List.copyOf(stored.keySet());
        }
    }

    /** A snapshot. */
    ChunkCounts counts() {
        synchronized (lock) {
            unpinExpired();
            return new ChunkCounts(
                    free.length,
                    freeCount,
                    stored.size(),
                    idle.size(),
                    pinned.size(),
                    evictions,
                    shortages,
                    pinned.expired());
        }
    }
}
