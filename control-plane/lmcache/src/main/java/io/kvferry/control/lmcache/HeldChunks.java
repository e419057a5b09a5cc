package io.kvferry.control.lmcache;

import io.kvferry.control.cluster.ChunkKeys;
import io.kvferry.control.cluster.Tier;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
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

    private final Map<String, Set<Long>> places = new LinkedHashMap<>();
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
                size += placesOf(location).add(operation.key()) ? 1 : 0;
            } else {
                size -= placesOf(location).remove(operation.key()) ? 1 : 0;
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

    private Set<Long> placesOf(String location) {
        return places.computeIfAbsent(location, _ -> new HashSet<>());
    }

    private boolean isHeld(Tier tier, long key) {
        return places.entrySet().stream()
                .anyMatch(place -> Locations.tier(place.getKey()) == tier
                        && place.getValue().contains(key));
    }

    /** Puts all that is in a place in the place of what was known of it. */
    void replace(String location, Set<Long> keys) {
        Set<Long> old = places.put(location, keys);
        size += keys.size() - (old == null ? 0 : old.size());
    }

    /** Everything, by tier. */
    Map<Tier, ChunkKeys> all() {
        Map<Tier, Set<Long>> byTier = new EnumMap<>(Tier.class);
        places.forEach((location, keys) -> byTier.computeIfAbsent(Locations.tier(location), _ -> new HashSet<>())
                .addAll(keys));
        Map<Tier, ChunkKeys> packed = new HashMap<>();
        byTier.forEach((tier, keys) -> packed.put(tier, packed(keys)));
        return packed;
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
