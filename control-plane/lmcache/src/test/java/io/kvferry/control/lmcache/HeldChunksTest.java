package io.kvferry.control.lmcache;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.control.cluster.Tier;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HeldChunksTest {
    private static final String CPU = "LocalCPUBackend";

    private static KvOperation operation(boolean admit, long key) {
        return new KvOperation(admit, key, 0);
    }

    /** Few different keys, so that they are removed and come back, and zero and keys side by side are among them. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void aSetOfKeysIsASet(long seed) {
        Random random = new Random(seed);
        Set<Long> model = new HashSet<>();
        KeySet keys = new KeySet();
        for (int i = 0; i < 200_000; i++) {
            long key = random.nextInt(i < 100_000 ? 3000 : 30) - 10L;
            boolean same = switch (random.nextInt(3)) {
                case 0 -> keys.add(key) == model.add(key);
                case 1 -> keys.remove(key) == model.remove(key);
                default -> keys.contains(key) == model.contains(key);
            };
            if (!same || keys.size() != model.size()) {
                throw new AssertionError(
                        "step " + i + " with key " + key + ", size " + keys.size() + ", not " + model.size());
            }
        }
        assertThat(LongStream.of(keys.toArray()).boxed()).containsExactlyInAnyOrderElementsOf(model);
    }

    @Test
    void aSetGivesMemoryBack() {
        KeySet keys = new KeySet();
        LongStream.range(0, 100_000).forEach(keys::add);
        long full = keys.bytes();
        assertThat(full).as("at most 22 bytes a key").isLessThan(2_200_000);
        LongStream.range(10, 100_000).forEach(keys::remove);

        assertThat(keys.bytes()).isLessThan(full / 100);
        assertThat(keys.toArray()).containsExactlyInAnyOrder(0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
    }

    @Test
    void aChunkIsHeldWhileAnyPlaceOfItsTierHoldsIt() {
        HeldChunks held = new HeldChunks();
        assertThat(held.apply("remote1", List.of(operation(true, 5))).admitted().size())
                .isEqualTo(1);
        assertThat(held.apply("remote2", List.of(operation(true, 5))).isEmpty()).isTrue();
        assertThat(held.apply("remote1", List.of(operation(false, 5))).isEmpty())
                .isTrue();
        assertThat(held.locationOf(5)).isEqualTo("remote2");
        assertThat(held.apply("remote2", List.of(operation(false, 5))).evicted().size())
                .isEqualTo(1);
        assertThat(held.size()).isZero();
    }

    @Test
    void whatIsAdmittedAndEvictedInOneBatchIsNoChange() {
        HeldChunks held = new HeldChunks();
        List<KvOperation> both = new ArrayList<>(List.of(operation(true, 1), operation(false, 1)));

        assertThat(held.apply(CPU, both).isEmpty()).isTrue();
        assertThat(held.apply(CPU, List.of(operation(false, 9))).isEmpty()).isTrue();
    }

    @Test
    void allThatIsHeldIsToldByTier() {
        HeldChunks held = new HeldChunks();
        held.apply(CPU, List.of(operation(true, 1), operation(true, 2)));
        held.apply("remote1", List.of(operation(true, 3), operation(true, 4)));
        held.apply("remote2", List.of(operation(true, 4)));
        KeySet anew = new KeySet();
        anew.add(7);
        held.replace(CPU, anew);

        assertThat(held.all().get(Tier.HOST)).isEqualTo(HeldChunks.packed(new long[] {7}));
        assertThat(held.all().get(Tier.REMOTE).size()).isEqualTo(2);
        assertThat(held.size()).isEqualTo(4);
    }
}
