package io.kvferry.node;

import io.kvferry.control.cluster.ChunkKeys;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The slots of chunks that somebody fills: reserved for new ones, in use for those that were there before.
 *
 * <p><b>Threads:</b> Externally synchronized.
 */
final class WriteSlots {
    private final ChunkStore store;
    private final ChunkKeys keys;
    private final int[] slots;
    /** Per slot: the chunk in it, or null where it is reserved for one. */
    private final List<@Nullable StoredChunk> chunks;

    private WriteSlots(ChunkStore store, ChunkKeys keys, int[] slots, List<@Nullable StoredChunk> chunks) {
        this.store = store;
        this.keys = keys;
        this.slots = slots;
        this.chunks = chunks;
    }

    /** Takes slots for as many chunks from the first on as there is room for. */
    static WriteSlots take(ChunkStore store, ChunkKeys keys) {
        List<@Nullable StoredChunk> chunks = new ArrayList<>(keys.size());
        int missing = 0;
        for (int i = 0; i < keys.size(); i++) {
            StoredChunk chunk = store.acquire(new ChunkId(keys.key(i)));
            chunks.add(chunk);
            missing += chunk == null ? 1 : 0;
        }
        int[] reserved = store.reserve(missing);
        int[] slots = new int[keys.size()];
        int used = 0;
        int count = 0;
        while (count < slots.length) {
            StoredChunk chunk = chunks.get(count);
            if (chunk == null && used == reserved.length) {
                break;
            }
            slots[count++] = chunk == null ? reserved[used++] : chunk.slot();
        }
        List<@Nullable StoredChunk> beyond = chunks.subList(count, chunks.size());
        beyond.forEach(chunk -> release(store, chunk));
        beyond.clear();
        return new WriteSlots(store, keys.slice(0, count), Arrays.copyOf(slots, count), chunks);
    }

    private static void release(ChunkStore store, @Nullable StoredChunk chunk) {
        if (chunk != null) {
            store.release(List.of(chunk));
        }
    }

    int size() {
        return slots.length;
    }

    int slot(int chunk) {
        return slots[chunk];
    }

    int[] all() {
        return slots.clone();
    }

    boolean isStored(int chunk) {
        return chunks.get(chunk) != null;
    }

    /** Stores what has been filled in. Returns how many chunks are new. */
    int commit() {
        int stored = 0;
        for (int i = 0; i < slots.length; i++) {
            if (chunks.get(i) == null) {
                StoredChunk chunk = store.commit(new ChunkId(keys.key(i)), slots[i]);
                stored += chunk.slot() == slots[i] ? 1 : 0;
                chunks.set(i, chunk);
            }
        }
        return stored;
    }

    /** Gives everything back; what was not stored is forgotten. */
    void giveBack() {
        List<StoredChunk> used = new ArrayList<>();
        for (int i = 0; i < slots.length; i++) {
            StoredChunk chunk = chunks.get(i);
            if (chunk == null) {
                store.unreserve(new int[] {slots[i]});
            } else {
                used.add(chunk);
            }
        }
        store.release(used);
    }
}
