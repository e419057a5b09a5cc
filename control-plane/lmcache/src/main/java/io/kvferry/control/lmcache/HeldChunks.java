package io.kvferry.control.lmcache;

import io.kvferry.control.cluster.ChunkKeys;
import io.kvferry.control.cluster.Tier;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What one worker holds, place by place. Several places may be one tier of the index, which holds a chunk while any of them
 * does. Externally synchronized.
 */
final class HeldChunks {
    static final int KEY_BYTES = Long.BYTES;

    private final Map<String, KeySet> places = new LinkedHashMap<>();
    private int size;

    /** What has changed in one tier. */
    record Change(Tier tier, ChunkKeys evicted, ChunkKeys admitted) {
        boolean isEmpty() {
            return evicted.isEmpty() && admitted.isEmpty();
        }
    }

    /** Applies operations in order and returns what they changed at the end. */
    Change apply(String location, Collection<KvOperation> operations) {
        Tier tier = Locations.tier(location);
        Map<Long, Boolean> before = new LinkedHashMap<>();
        for (KvOperation operation : operations) {
            before.computeIfAbsent(operation.key(), key -> isHeld(tier, key));
            if (operation.admit()) {
                size += places.computeIfAbsent(location, _ -> new KeySet()).add(operation.key()) ? 1 : 0;
            } else {
                KeySet place = places.get(location);
                size -= place != null && place.remove(operation.key()) ? 1 : 0;
            }
        }
        List<Long> evicted = new ArrayList<>();
        List<Long> admitted = new ArrayList<>();
        before.forEach((key, was) -> {
            boolean now = isHeld(tier, key);
            if (was && !now) {
                evicted.add(key);
            } else if (!was && now) {
                admitted.add(key);
            }
        });
        return new Change(tier, packed(evicted), packed(admitted));
    }

    private boolean isHeld(Tier tier, long key) {
        for (Map.Entry<String, KeySet> place : places.entrySet()) {
            if (place.getValue().contains(key) && Locations.tier(place.getKey()) == tier) {
                return true;
            }
        }
        return false;
    }

    /** Puts all that is in a place in the place of what was known of it. */
    void replace(String location, KeySet keys) {
        KeySet old = places.put(location, keys);
        size += keys.size() - (old == null ? 0 : old.size());
    }

    /** Everything, by tier. */
    Map<Tier, ChunkKeys> all() {
        Map<Tier, List<KeySet>> byTier = new EnumMap<>(Tier.class);
        places.forEach((location, keys) -> byTier.computeIfAbsent(Locations.tier(location), _ -> new ArrayList<>())
                .add(keys));
        Map<Tier, ChunkKeys> packed = new EnumMap<>(Tier.class);
        byTier.forEach((tier, sets) -> packed.put(tier, packed(union(sets).toArray())));
        return packed;
    }

    private static KeySet union(List<KeySet> sets) {
        if (sets.size() == 1) {
            return sets.getFirst();
        }
        KeySet all = new KeySet();
        sets.forEach(set -> set.forEach(key -> {
            boolean ignored = all.add(key);
        }));
        return all;
    }

    /** Bytes of its memory, but for a few hundred. */
    long bytes() {
        return places.values().stream().mapToLong(KeySet::bytes).sum();
    }

    /** How many pairs of place and chunk there are. */
    int size() {
        return size;
    }

    /** The place that holds a chunk, the first that was heard of. */
    @Nullable
    String locationOf(long key) {
        return places.entrySet().stream()
                .filter(place -> place.getValue().contains(key))
                .map(Map.Entry::getKey)
                .findFirst()
                .orElse(null);
    }

    Set<String> locations() {
        return Set.copyOf(places.keySet());
    }

    /** One key of many. */
    static long key(ChunkKeys keys, int index) {
        return ByteBuffer.wrap(keys.key(index)).getLong();
    }

    static ChunkKeys packed(Collection<Long> keys) {
        ByteBuffer bytes = ByteBuffer.allocate(Math.multiplyExact(keys.size(), KEY_BYTES));
        keys.forEach(bytes::putLong);
        return ChunkKeys.of(KEY_BYTES, bytes.array());
    }

    static ChunkKeys packed(long[] keys) {
        ByteBuffer bytes = ByteBuffer.allocate(Math.multiplyExact(keys.length, KEY_BYTES));
        bytes.asLongBuffer().put(keys);
        return ChunkKeys.of(KEY_BYTES, bytes.array());
    }
}
