package io.kvferry.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvferry.spi.BlockKeys;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** Ranges of submitted blocks, and how positions map between a request, its match and a lease. */
class PositionsTest {
    private static final MemoryRegion REGION = MemoryRegion.cuda(0, 4096, 1 << 20);

    private static BlockList blocks(long... keys) {
        BlockList.Builder builder = BlockList.builder(keys.length);
        for (long key : keys) {
            builder.add(key, REGION, key * 16, 16);
        }
        return builder.build();
    }

    private static List<BlockRange> toRequest(Positions positions, BlockRange range) {
        List<BlockRange> ranges = new ArrayList<>();
        positions.toOriginal(range, ranges::add);
        return ranges;
    }

    @Test
    void leavingOutBlocksMapsRangesBothWays() {
        Positions positions = Positions.without(List.of(0, 3, 4), 7);
        assertThat(positions.originals()).containsExactly(1, 2, 5, 6);
        assertThat(positions.toMatched(new BlockRange(0, 7))).isEqualTo(new BlockRange(0, 4));
        assertThat(positions.toMatched(new BlockRange(2, 4))).isEqualTo(new BlockRange(1, 2));
        assertThat(positions.toMatched(new BlockRange(3, 2))).isNull();
        assertThat(toRequest(positions, new BlockRange(0, 4)))
                .containsExactly(new BlockRange(1, 2), new BlockRange(5, 2));
    }

    @Test
    void everySubmittedRangeReachesExactlyItsMatchedBlocks() {
        Random random = new Random(5);
        for (int round = 0; round < 200; round++) {
            int size = 1 + random.nextInt(40);
            TreeSet<Integer> out = new TreeSet<>();
            for (int i = 0; i < size - 1; i++) {
                if (random.nextBoolean()) {
                    out.add(i);
                }
            }
            Positions positions = out.isEmpty() ? Positions.SAME : Positions.without(List.copyOf(out), size);
            BitSet reached = new BitSet();
            int from = 0;
            while (from < size) {
                int count = 1 + random.nextInt(size - from);
                BlockRange matched = positions.toMatched(new BlockRange(from, count));
                if (matched != null) {
                    assertThat(reached.get(matched.first(), matched.end()).isEmpty())
                            .isTrue();
                    reached.set(matched.first(), matched.end());
                    toRequest(positions, matched)
                            .forEach(range -> assertThat(out).doesNotContain(range.first(), range.end() - 1));
                }
                from += count;
            }
            assertThat(reached.cardinality()).isEqualTo(size - out.size());
        }
    }

    @Test
    void aLeaseIsCoveredInAnyOrderAndExtraKeysAreCounted() {
        LeaseMatch match = LeaseMatch.of(blocks(1, 2, 3), blocks(3, 9, 1, 2).blockKeys(), false);
        assertThat(match.blocks().blockKeys()).isEqualTo(blocks(3, 1, 2).blockKeys());
        assertThat(match.unmatched()).containsExactly(1);
        List<BlockRange> inLease = new ArrayList<>();
        match.inLease().toOriginal(new BlockRange(0, 3), inLease::add);
        assertThat(inLease).containsExactly(new BlockRange(2, 1), new BlockRange(0, 2));
    }

    @Test
    void missingDifferentAndRepeatedKeysAreNamed() {
        assertMismatch(blocks(1, 2, 3), blocks(1, 3).blockKeys(), false, "lacks leased blocks: 2");
        assertMismatch(
                blocks(1, 2), BlockKeys.of(new long[] {1, 2}, new long[] {16, 17}), false, "2 (17 bytes, leased 16)");
        assertMismatch(
                blocks(1, 2), BlockKeys.of(new long[] {1, 2, 2}, new long[] {16, 16, 16}), false, "2 (named twice)");
        assertMismatch(blocks(1, 2), blocks(7, 8).blockKeys(), true, "lacks leased blocks: 1, 2");
    }

    @Test
    void aStandingLeaseTakesASubset() {
        LeaseMatch match = LeaseMatch.of(blocks(1, 2, 3), blocks(2).blockKeys(), true);
        assertThat(match.blocks().blockKeys()).isEqualTo(blocks(2).blockKeys());
    }

    private static void assertMismatch(BlockList leased, BlockKeys asked, boolean subset, String names) {
        assertThatThrownBy(() -> LeaseMatch.of(leased, asked, subset))
                .isInstanceOfSatisfying(
                        TransferException.class, e -> assertThat(e.code()).isEqualTo(TransferErrorCode.BUFFER_MISMATCH))
                .hasMessageContaining(names);
    }

    @Test
    void aRangeIsClaimedOnceAndAsAWholeOrNotAtAll() {
        RangeClaims claims = new RangeClaims(10);
        assertThat(claims.claim(new BlockRange(2, 3))).isTrue();
        assertThat(claims.claim(new BlockRange(0, 3))).isFalse();
        assertThat(claims.claim(new BlockRange(0, 2)))
                .as("a refused claim takes nothing")
                .isTrue();
        assertThat(claims.claim(new BlockRange(4, 1))).isFalse();
        assertThat(claims.claim(new BlockRange(8, 3))).as("outside").isFalse();
        assertThat(claims.claim(new BlockRange(5, 5))).isTrue();
        RangeClaims whole = new RangeClaims(10);
        assertThat(whole.claim(new BlockRange(0, 10))).isTrue();
        assertThat(whole.claim(new BlockRange(3, 1))).isFalse();
    }
}
