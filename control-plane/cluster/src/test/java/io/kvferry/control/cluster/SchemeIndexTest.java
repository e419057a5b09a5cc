package io.kvferry.control.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
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
            int[] changed = admit ? index.admit(slot, tier, key) : index.evict(slot, tier, key);
            assertThat(changed.length == 1)
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

    /** Look-ups take no lock: whatever changes beside them, they find what is always there and nothing that never is. */
    @Test
    void stochastic_lookUpsBesideChangesFindWhatIsThere() throws Exception {
        SchemeIndex index = new SchemeIndex(32, 2);
        HolderSlot one = index.open(null);
        HolderSlot other = index.open(null);
        ChunkKeys always = Keys.range(0, 64);
        ChunkKeys never = Keys.range(1_000_000, 1_000_064);
        index.admit(one, Tier.HOST, always);
        index.admit(other, Tier.DISK, always.slice(0, 32));
        AtomicBoolean done = new AtomicBoolean();
        try (ExecutorService threads = Executors.newFixedThreadPool(2)) {
            Future<Integer> looks = threads.submit(() -> {
                int rounds = 0;
                do {
                    for (int chunk = 0; chunk < always.size(); chunk++) {
                        assertThat(holders(index, always, chunk))
                                .filteredOn(slot -> slot == one || slot == other)
                                .containsExactlyElementsOf(chunk < 32 ? List.of(one, other) : List.of(one));
                        assertThat(holders(index, never, chunk)).isEmpty();
                    }
                    rounds++;
                } while (!done.get());
                return rounds;
            });
            try {
                grow(index, always);
            } finally {
                done.set(true);
            }
            assertThat(looks.get(60, TimeUnit.SECONDS)).isPositive();
        }
    }

    private static List<HolderSlot> holders(SchemeIndex index, ChunkKeys keys, int chunk) {
        List<HolderSlot> holders = new ArrayList<>();
        index.visitSlots(keys, chunk, holders::add);
        return holders;
    }

    /** Tables and lists grow and shrink, records move, slots come and go. */
    private static void grow(SchemeIndex index, ChunkKeys shared) {
        for (int round = 0; round < 40; round++) {
            List<HolderSlot> passing = new ArrayList<>();
            for (int node = 0; node < 6; node++) {
                HolderSlot slot = index.open(null);
                passing.add(slot);
                index.admit(slot, Tier.HOST, shared);
                ChunkKeys own = Keys.range(10_000L * node + 100, 10_000L * node + 3_000);
                index.admit(slot, Tier.HOST, own);
                index.evict(slot, Tier.HOST, own.slice(0, 1_000));
            }
            index.evict(passing.getFirst(), Tier.HOST, shared);
            passing.forEach(index::close);
            index.sweep(passing);
        }
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
