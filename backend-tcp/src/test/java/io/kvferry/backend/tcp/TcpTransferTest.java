package io.kvferry.backend.tcp;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.ChecksumMode;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.TransferState;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Bytes arrive where they belong and nowhere else, on every transport. */
class TcpTransferTest {
    private static final byte POISON = 0x5A;

    static List<Arguments> transports() {
        List<Arguments> all = new ArrayList<>();
        for (SocketTransport transport : SocketTransport.values()) {
            if (transport.unavailabilityCause() == null) {
                for (Operation operation : Operation.values()) {
                    all.add(Arguments.of(transport, operation));
                }
            }
        }
        return all;
    }

    @ParameterizedTest
    @MethodSource("transports")
    void scatteredBlocksOfOddSizesArriveIntactAndNothingElseChanges(TcpTransport transport, Operation operation)
            throws Exception {
        long seed = 7;
        Random random = new Random(seed);
        try (Arena arena = Arena.ofShared();
                TestClock clock = TestClock.real();
                TestNode one = new TestNode(transport, BackendConfig.DEFAULTS, clock);
                TestNode two = new TestNode(transport, BackendConfig.DEFAULTS, clock)) {
            Layout local = Layout.random(arena, new Random(seed), random, 3);
            Layout remote = Layout.random(arena, new Random(seed), random, 2);
            Layout source = operation == Operation.WRITE ? local : remote;
            Layout sink = operation == Operation.WRITE ? remote : local;
            source.fill(random);
            sink.poison();

            TestNode.Pair pair =
                    new TestNode.Pair(one, two, operation, local.blocks, remote.blocks, ChecksumMode.AUTO).prepare();
            pair.initiator.submit(new BlockRange(0, 10));
            pair.initiator.submit(new BlockRange(10, local.blocks.size() - 10));
            pair.initiatorObserver.awaitCompleted();
            pair.targetObserver.awaitCompleted();

            assertThat(pair.finishInitiator()).isEqualTo(Quiescence.QUIESCENT);
            assertThat(pair.finishTarget()).isEqualTo(Quiescence.QUIESCENT);
            assertThat(pair.initiator.status().state()).isEqualTo(TransferState.COMPLETED);
            assertThat(pair.initiator.status().bytesDone()).isEqualTo(local.blocks.totalBytes());
            sink.assertHolds(source, seed);
        }
    }

    /** Blocks of the same lengths, somewhere in a few regions. */
    private record Layout(BlockList blocks, List<MemorySegment> segments) {
        static Layout random(Arena arena, Random lengths, Random places, int regions) {
            List<MemorySegment> segments = new ArrayList<>();
            long[] used = new long[regions];
            for (int i = 0; i < regions; i++) {
                segments.add(arena.allocate(12 << 20, 1));
            }
            List<MemoryRegion> made = segments.stream().map(MemoryRegion::host).toList();
            BlockList.Builder builder = BlockList.builder(60);
            List<Integer> sizes =
                    new ArrayList<>(List.of(1, 71, 72, 73, 4096, 65536, (512 << 10) - 1, (1 << 20) + 3, 3 << 20));
            for (int i = 0; i < 50; i++) {
                sizes.add(1 + lengths.nextInt(100_000));
            }
            Collections.shuffle(sizes, lengths);
            for (int i = 0; i < sizes.size(); i++) {
                int region = places.nextInt(regions);
                used[region] += places.nextBoolean() ? 0 : places.nextInt(5000);
                builder.add(i * 31L, made.get(region), used[region], sizes.get(i));
                used[region] += sizes.get(i);
            }
            return new Layout(builder.build(), segments);
        }

        void fill(Random random) {
            for (MemorySegment segment : segments) {
                for (long i = 0; i < segment.byteSize(); i += 8) {
                    segment.set(ValueLayout.JAVA_LONG_UNALIGNED, i, random.nextLong());
                }
            }
        }

        void poison() {
            segments.forEach(segment -> segment.fill(POISON));
        }

        MemorySegment block(int position) {
            return blocks.region(position).segment().asSlice(blocks.offset(position), blocks.length(position));
        }

        void assertHolds(Layout source, long seed) {
            for (int i = 0; i < blocks.size(); i++) {
                assertThat(block(i).mismatch(source.block(i)))
                        .as("block %s, seed %s", i, seed)
                        .isEqualTo(-1);
                block(i).fill(POISON);
            }
            for (MemorySegment segment : segments) {
                for (long i = 0; i < segment.byteSize(); i++) {
                    if (segment.get(ValueLayout.JAVA_BYTE, i) != POISON) {
                        throw new AssertionError("byte " + i + " outside all blocks changed, seed " + seed);
                    }
                }
            }
        }
    }
}
