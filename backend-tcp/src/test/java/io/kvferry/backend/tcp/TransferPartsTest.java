package io.kvferry.backend.tcp;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.ChecksumMode;
import io.kvferry.spi.LeaseKey;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Side;
import io.kvferry.spi.TransferId;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The parts that transfers are made of. */
class TransferPartsTest {
    @TempDir
    private Path folder;

    @Test
    void anEntryIsNotFoundAfterItsPositionHasANewTenant() {
        TransferTable table = new TransferTable(1);
        BlockList blocks = BlockList.uniform(MemoryRegion.host(Arena.ofAuto().allocate(8)), 0, 0, 8, 1);
        TcpTransfer first = table.add(entry -> transfer(table, entry, blocks));
        assertThat(table.add(entry -> transfer(table, entry, blocks))).isNull();
        assertThat(table.find(first.entry())).isSameAs(first);
        table.remove(first.entry());
        TcpTransfer second = table.add(entry -> transfer(table, entry, blocks));
        table.remove(first.entry());
        assertThat(table.find(first.entry())).isNull();
        assertThat(table.find(second.entry())).isSameAs(second);
        assertThat(table.find(0)).isNull();
        assertThat(table.find(-1)).isNull();
    }

    private static TcpTransfer transfer(TransferTable table, long entry, BlockList blocks) {
        TcpTransfer.Terms terms = new TcpTransfer.Terms(
                Side.TARGET,
                TransferId.random(),
                1,
                Operation.READ,
                new PeerIdentity("peer", 1),
                1,
                blocks,
                List.of(),
                true,
                new RecordingObserver(1));
        return new TcpTransfer(terms, table, entry, new TcpLease(entry, LeaseKey.random(1)));
    }

    /** A file with holes stands in for a pool of many gigabytes. */
    @ParameterizedTest
    @EnumSource
    void blocksBehindTwoGigabytesArriveIntact(Operation operation) throws Exception {
        long size = 5L << 30;
        int length = 3 << 20;
        try (Arena arena = Arena.ofShared();
                TestClock clock = TestClock.real();
                TestNode one = new TestNode(SocketTransport.of(TcpTransportKind.AUTO), BackendConfig.DEFAULTS, clock);
                TestNode two = new TestNode(SocketTransport.of(TcpTransportKind.AUTO), BackendConfig.DEFAULTS, clock)) {
            MemorySegment large = sparse(arena, size);
            MemorySegment small = arena.allocate(4L * length, 8);
            BlockList far = BlockList.builder(4)
                    .add(1, MemoryRegion.host(large), (1L << 30) - length / 2, length)
                    .add(2, MemoryRegion.host(large), (2L << 30) - 5, length)
                    .add(3, MemoryRegion.host(large), (3L << 30) + 1, length)
                    .add(4, MemoryRegion.host(large), size - length, length)
                    .build();
            BlockList near = BlockList.uniform(MemoryRegion.host(small), 1, 0, length, 4);
            byte[] bytes = new byte[4 * length];
            new Random(11).nextBytes(bytes);
            for (int i = 0; i < 4; i++) {
                MemorySegment source = operation == Operation.WRITE ? small : large;
                long offset = operation == Operation.WRITE ? near.offset(i) : far.offset(i);
                MemorySegment.copy(bytes, i * length, source, ValueLayout.JAVA_BYTE, offset, length);
            }
            TestNode.Pair pair = new TestNode.Pair(one, two, operation, near, far, ChecksumMode.ON).prepare();
            pair.initiator.submit(new BlockRange(0, 4));
            pair.initiatorObserver.awaitCompleted();
            for (int i = 0; i < 4; i++) {
                MemorySegment here = large.asSlice(far.offset(i), length);
                assertThat(here.mismatch(small.asSlice(near.offset(i), length))).isEqualTo(-1);
                assertThat(here.asSlice(0, 8).toArray(ValueLayout.JAVA_BYTE))
                        .isEqualTo(Arrays.copyOfRange(bytes, i * length, i * length + 8));
            }
            pair.finishInitiator();
            pair.finishTarget();
        }
    }

    private MemorySegment sparse(Arena arena, long size) throws IOException {
        try (FileChannel file = FileChannel.open(
                folder.resolve("pool"),
                StandardOpenOption.CREATE_NEW,
                StandardOpenOption.SPARSE,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE)) {
            return file.map(FileChannel.MapMode.READ_WRITE, 0, size, arena);
        }
    }
}
