package io.kvferry.conformance;

import io.kvferry.engine.Memory;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.Capability;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Bytes arrive, all of them, where they belong and nowhere else.
 *
 * @since 0.1.0
 */
@Tag("data")
public abstract class DataConformanceTest extends ConformanceSuite {
    private static final int MIB = 1 << 20;
    private static final long[] SIZES = {
        1, 2, 3, 7, 8, 63, 64, 65, 511, 4095, 4096, 4097, 65_535, 65_536, 65_537, MIB - 1, MIB, MIB + 1, 5 * MIB + 3
    };

    /**
     * Makes the suite.
     *
     * @param harness what is tested
     */
    protected DataConformanceTest(BackendHarness harness) {
        super(harness);
    }

    /** One block of each size from one byte on, odd sizes included, in both directions. */
    @Test
    public final void required_R16_1_oneBlockOfAnySizeArrives() {
        Memory here = bed().initiator().memory(6 * MIB);
        Memory there = bed().target().memory(6 * MIB);
        for (Operation operation : BOTH) {
            for (long size : SIZES) {
                moved(operation, layout(operation, here, there, size, 1, size));
            }
        }
    }

    /** A large block arrives whole. */
    @Test
    public final void required_R16_2_blockOf64MebibytesArrives() {
        Memory here = bed().initiator().memory(64 * MIB + 64);
        Memory there = bed().target().memory(64 * MIB + 64);
        for (Operation operation : BOTH) {
            moved(operation, layout(operation, here, there, 64 * MIB + 1, 1, 9));
        }
    }

    /** Ten thousand small blocks are one transfer. */
    @Test
    public final void required_R16_3_tenThousandBlocksArrive() {
        Memory here = bed().initiator().memory(10_000 * 301);
        Memory there = bed().target().memory(10_000 * 301);
        for (Operation operation : BOTH) {
            moved(operation, layout(operation, here, there, 301, 10_000, 11));
        }
    }

    /** Blocks of one transfer lie in several regions. */
    @Test
    public final void required_R16_4_blocksOfSeveralRegionsArrive() {
        Memory one = bed().initiator().memory(MIB);
        Memory two = bed().initiator().memory(MIB);
        Memory there = bed().target().memory(2 * MIB);
        List<Memory> here = List.of(one, two);
        Layout.fill(one, 1);
        Layout.fill(two, 2);
        BlockList local = BlockList.builder(4)
                .add(1, two.region(), 5, 1000)
                .add(2, one.region(), 77, 2000)
                .add(3, two.region(), 4001, 3000)
                .add(4, one.region(), 500_001, 400_000)
                .build();
        BlockList remote = BlockList.builder(4)
                .add(1, there.region(), 0, 1000)
                .add(2, there.region(), 1000, 2000)
                .add(3, there.region(), 3000, 3000)
                .add(4, there.region(), 6000, 400_000)
                .build();
        bed().move(Operation.WRITE, local, remote);
        assertBlocks(here, local, List.of(there), remote);
        Layout.fill(there, 3);
        bed().move(Operation.READ, local, remote);
        assertBlocks(here, local, List.of(there), remote);
    }

    private static void assertBlocks(List<Memory> here, BlockList local, List<Memory> there, BlockList remote) {
        for (int i = 0; i < local.size(); i++) {
            Layout.assertSame("block " + local.key(i), slice(here, local, i), slice(there, remote, i));
        }
    }

    private static MemorySegment slice(List<Memory> memories, BlockList blocks, int position) {
        Memory memory = memories.stream()
                .filter(each -> each.region().equals(blocks.region(position)))
                .findFirst()
                .orElseThrow();
        return Layout.copyOf(memory, blocks.offset(position), blocks.length(position));
    }

    /**
     * Offsets beyond 2 and 4 GiB are as good as any.
     *
     * @throws IOException if a file or a socket of the test itself fails
     */
    @Test
    public final void required_R16_5_offsetsBeyondFourGibibytesArrive() throws IOException {
        long size = (4L << 30) + MIB;
        if (!bed().target().can(Capability.HOST_MEMORY)) {
            try (Memory large = bed().target().memory(size)) {
                movedAtLargeOffsets(large);
            }
            return;
        }
        Path file = Files.createTempFile("kvferry-conformance", ".sparse");
        try (Arena arena = Arena.ofShared();
                FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            MemoryRegion region = MemoryRegion.host(channel.map(FileChannel.MapMode.READ_WRITE, 0, size, arena));
            try (Memory large = bed().target().engine().register(region)) {
                movedAtLargeOffsets(large);
            }
        } finally {
            Files.delete(file);
        }
    }

    private void movedAtLargeOffsets(Memory large) {
        try (Memory small = bed().initiator().memory(3 * 65_537)) {
            BlockList remote = BlockList.builder(3)
                    .add(1, large.region(), (2L << 30) - 30_000, 65_537)
                    .add(2, large.region(), (4L << 30) - 5, 65_537)
                    .add(3, large.region(), large.region().sizeBytes() - 65_537, 65_537)
                    .build();
            BlockList local = BlockList.uniform(small.region(), 1, 0, 65_537, 3);
            Layout.fill(small, 21);
            bed().move(Operation.WRITE, local, remote);
            assertBlocks(List.of(small), local, List.of(large), remote);
            Layout.fill(small, 22);
            bed().move(Operation.READ, local, remote);
            assertBlocks(List.of(small), local, List.of(large), remote);
        }
    }

    /** Blocks of random lengths at random places, in another order on each side. */
    @Test
    public final void stochastic_R16_6_randomLayoutsArrive() {
        Random random = random();
        Memory here = bed().initiator().memory(MIB + 13);
        Memory there = bed().target().memory(MIB + 13);
        for (int round = 0; round < 12; round++) {
            for (Operation operation : BOTH) {
                int count = 1 + random.nextInt(200);
                moved(
                        operation,
                        Layout.random(
                                side(operation, here, there, true),
                                side(operation, here, there, false),
                                count,
                                random));
            }
        }
    }

    /** The source of a transfer is only read. */
    @Test
    public final void required_R18_1_sourceIsUnchanged() {
        Memory here = bed().initiator().memory(MIB);
        Memory there = bed().target().memory(MIB);
        for (Operation operation : BOTH) {
            Layout layout = layout(operation, here, there, 4096, 64, 31);
            MemorySegment before = Layout.copyOf(layout.source());
            moved(operation, layout);
            Layout.assertSame("the source after the transfer", before, Layout.copyOf(layout.source()));
        }
    }

    /** The same blocks can be moved again and again, each time with their newest bytes. */
    @Test
    public final void required_R16_7_memoryIsMovedAgainWithItsNewestBytes() {
        Memory here = bed().initiator().memory(MIB);
        Memory there = bed().target().memory(MIB);
        for (int round = 0; round < 50; round++) {
            Operation operation = BOTH.get(round % 2);
            moved(operation, layout(operation, here, there, 8191, 100, round));
        }
    }

    private static Layout layout(
            Operation operation, Memory here, Memory there, long blockBytes, int count, long seed) {
        return Layout.uniform(
                side(operation, here, there, true), side(operation, here, there, false), blockBytes, count, seed);
    }

    private void moved(Operation operation, Layout layout) {
        bed().move(operation, layout.local(operation), layout.remote(operation));
        layout.assertMoved();
    }
}
