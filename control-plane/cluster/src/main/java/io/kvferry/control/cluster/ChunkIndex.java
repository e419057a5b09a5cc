package io.kvferry.control.cluster;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * Who holds which chunk, for every key scheme that nodes have registered.
 *
 * <p><b>Threads:</b> Thread-safe. Dead slots are swept on the given executor, one sweep at a time.
 */
final class ChunkIndex {
    private static final int SEGMENTS = 256;

    private final Map<String, SchemeIndex> schemes = new ConcurrentHashMap<>();
    private final Executor sweeper;

    private final Object lock = new Object();
    // both guarded by lock
    private final Map<SchemeIndex, List<HolderSlot>> dead = new HashMap<>();
    private boolean sweeping;

    ChunkIndex(Executor sweeper) {
        this.sweeper = sweeper;
    }

    /** The index of a scheme. That all nodes of its name agree on the key's length is checked when they register. */
    SchemeIndex of(KeyScheme scheme) {
        return schemes.computeIfAbsent(scheme.name(), _ -> new SchemeIndex(scheme.keyBytes(), SEGMENTS));
    }

    @Nullable
    SchemeIndex ofName(String scheme) {
        return schemes.get(scheme);
    }

    /** Forgets schemes that no node has any more. */
    void retainSchemes(Set<String> names) {
        schemes.keySet().retainAll(names);
    }

    Set<String> schemeNames() {
        return new TreeSet<>(schemes.keySet());
    }

    /** A slot's chunks vanish at once; their memory is given back soon. */
    void close(SchemeIndex index, HolderSlot slot) {
        index.close(slot);
        synchronized (lock) {
            dead.computeIfAbsent(index, _ -> new ArrayList<>()).add(slot);
            if (sweeping) {
                return;
            }
            sweeping = true;
        }
        try {
            sweeper.execute(this::sweepAll);
        } catch (RejectedExecutionException closed) {
            // the controller closes, and the index goes with it
        }
    }

    private void sweepAll() {
        while (true) {
            Map<SchemeIndex, List<HolderSlot>> now;
            synchronized (lock) {
                if (dead.isEmpty()) {
                    sweeping = false;
                    return;
                }
                now = new HashMap<>(dead);
                dead.clear();
            }
            now.forEach(SchemeIndex::sweep);
        }
    }

    long chunks() {
        return schemes.values().stream().mapToLong(SchemeIndex::chunks).sum();
    }

    long pairs() {
        return schemes.values().stream().mapToLong(SchemeIndex::pairs).sum();
    }

    long bytes() {
        return schemes.values().stream().mapToLong(SchemeIndex::bytes).sum();
    }
}
