package io.kvferry.control.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The index beside a map that is obviously right. */
class SchemeIndexTest {
    private static final int CHUNKS = 400;
    private static final int STEPS = 40_000;

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 8, 20, 32})
    void stochastic_theIndexHoldsWhatAPlainMapHolds(int keyBytes) {
        long seed = 20260101 + keyBytes;
        Random random = new Random(seed);
        SchemeIndex index = new SchemeIndex(keyBytes, 4);
        List<HolderSlot> slots = new ArrayList<>();
        Map<HolderSlot, Map<Tier, Set<Integer>>> model = new HashMap<>();
        List<HolderSlot> dead = new ArrayList<>();

        for (int step = 0; step < STEPS; step++) {
            if (slots.size() < 12 || random.nextInt(500) == 0) {
                HolderSlot slot = index.open(null);
                slots.add(slot);
                model.put(slot, new HashMap<>());
            }
            HolderSlot slot = slots.get(random.nextInt(slots.size()));
            if (random.nextInt(1000) == 0) {
                index.close(slot);
                slots.remove(slot);
                model.remove(slot);
                dead.add(slot);
                continue;
            }
            if (random.nextInt(3000) == 0) {
                index.sweep(List.copyOf(dead));
                dead.clear();
            }
            Tier tier = Tier.ofNumber(1 + random.nextInt(4));
            // one byte tells 256 keys apart
            int chunk = random.nextInt(keyBytes == 1 ? 100 : CHUNKS);
            ChunkKeys key = key(keyBytes, chunk);
            Set<Integer> held = model.get(slot).computeIfAbsent(tier, _ -> new HashSet<>());
            boolean admit = random.nextInt(5) < 3;
            int changed = admit ? index.admit(slot, tier, key) : index.evict(slot, tier, key);
            assertThat(changed == 1)
                    .as("seed=" + seed + " step=" + step)
                    .isEqualTo(admit ? held.add(chunk) : held.remove(chunk));
        }

        index.sweep(dead);
        long pairs = 0;
        for (HolderSlot slot : slots) {
            IndexDigest digest = IndexDigest.EMPTY;
            Set<Integer> anywhere = new HashSet<>();
            for (Tier tier : Tier.values()) {
                Set<Integer> held = model.get(slot).getOrDefault(tier, Set.of());
                for (int chunk : held) {
                    digest = digest.plus(key(keyBytes, chunk), 0, tier);
                }
                anywhere.addAll(held);
                assertThat(asSet(index.held(slot).in(tier))).as("seed=" + seed).isEqualTo(asSet(held, keyBytes));
            }
            pairs += anywhere.size();
            assertThat(slot.digest()).as("seed=" + seed).isEqualTo(digest);
        }
        assertThat(index.pairs()).as("seed=" + seed).isEqualTo(pairs);
        slots.forEach(index::close);
        index.sweep(slots);
        assertThat(index.chunks()).isZero();
        assertThat(index.pairs()).isZero();
    }

    private static ChunkKeys key(int keyBytes, int chunk) {
        byte[] key = new byte[keyBytes];
        key[0] = (byte) chunk;
        if (keyBytes > 1) {
            key[keyBytes - 1] = (byte) (chunk >> 8);
        }
        return ChunkKeys.of(keyBytes, key);
    }

    private static Set<ChunkKeys> asSet(ChunkKeys keys) {
        Set<ChunkKeys> set = new HashSet<>();
        for (int i = 0; i < keys.size(); i++) {
            set.add(keys.slice(i, i + 1));
        }
        return set;
    }

    private static Set<ChunkKeys> asSet(Set<Integer> chunks, int keyBytes) {
        Set<ChunkKeys> set = new HashSet<>();
        chunks.forEach(chunk -> set.add(key(keyBytes, chunk)));
        return set;
    }
}
