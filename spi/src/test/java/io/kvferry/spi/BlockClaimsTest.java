package io.kvferry.spi;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.BitSet;
import java.util.Random;
import org.junit.jupiter.api.Test;

class BlockClaimsTest {
    @Test
    void rangesAreTakenAndGivenBackWhollyOrNotAtAll() {
        Random random = new Random(3);
        for (int round = 0; round < 100; round++) {
            int size = 1 + random.nextInt(300);
            BlockClaims claims = new BlockClaims(size);
            BitSet expected = new BitSet();
            for (int step = 0; step < 30; step++) {
                int first = random.nextInt(size);
                int end = Math.min(size, first + 1 + random.nextInt(100));
                if (random.nextBoolean()) {
                    boolean free = expected.get(first, end).isEmpty();
                    assertThat(claims.claim(first, end)).isEqualTo(free);
                    if (free) {
                        expected.set(first, end);
                    }
                } else {
                    boolean taken = expected.get(first, end).cardinality() == end - first;
                    assertThat(claims.release(first, end)).isEqualTo(taken);
                    if (taken) {
                        expected.clear(first, end);
                    }
                }
                assertTaken(claims, expected, size);
            }
        }
    }

    private static void assertTaken(BlockClaims claims, BitSet expected, int size) {
        for (int i = 0; i < size; i++) {
            boolean taken = !claims.claim(i, i + 1);
            assertThat(taken).isEqualTo(expected.get(i));
            if (!taken) {
                assertThat(claims.release(i, i + 1)).isTrue();
            }
        }
    }
}
