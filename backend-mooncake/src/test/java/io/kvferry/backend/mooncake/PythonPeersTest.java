package io.kvferry.backend.mooncake;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.Operation;
import io.kvferry.spi.TargetTransfer;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.lang.foreign.MemorySegment;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Both of our roles against programs in another language that were written from the protocol alone. */
@Timeout(120)
class PythonPeersTest {
    private static final long BYTES = 24L << 20;

    private static String crc(MemorySegment memory) {
        CRC32 crc = new CRC32();
        crc.update(memory.asByteBuffer());
        return Long.toString(crc.getValue());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "--v1"})
    void foreign_targetIsWrittenAndReadInBlocksOfAnySize(String generation) throws Exception {
        try (BackendNode<WireBackend> node = BackendNode.wire(BackendConfig.DEFAULTS);
                PythonPeer peer = generation.isEmpty()
                        ? new PythonPeer("mooncake_target.py", Long.toString(BYTES))
                        : new PythonPeer("mooncake_target.py", Long.toString(BYTES), generation)) {
            String[] place = peer.line().split(" ");
            long base = Long.parseUnsignedLong(place[1]);
            MemorySegment source = node.memory(BYTES, 3);
            MemorySegment copy = node.memory(BYTES, 0);
            for (long block : new long[] {4096, 100_000, BYTES}) {
                BackendNode.fill(source, (int) block);
                move(node, Operation.WRITE, place[0], BackendNode.blocks(source, block), base);
                move(node, Operation.READ, place[0], BackendNode.blocks(copy, block), base);
                long moved = BYTES / block * block;
                assertThat(copy.asSlice(0, moved).mismatch(source.asSlice(0, moved)))
                        .isEqualTo(-1);
            }
            assertThat(peer.end()).isEqualTo(crc(source));
        }
    }

    private static void move(
            BackendNode<WireBackend> node, Operation operation, String segment, BlockList blocks, long base)
            throws Exception {
        BackendNode.Started started = node.start(operation, segment, blocks, base);
        started.ending().awaitCompleted();
        started.transfer().finish(BackendNode.soon());
    }

    @ParameterizedTest
    @ValueSource(strings = {"1 128", "4 16", "12 1", "4 16 --v1", "2 32 --no-pool"})
    void foreign_initiatorWritesAndReadsBackWithManyThreads(String arguments) throws Exception {
        try (BackendNode<WireBackend> node = BackendNode.wire(BackendConfig.DEFAULTS)) {
            MemorySegment memory = node.memory(BYTES, 0);
            TargetTransfer lease = node.offer(
                    Operation.WRITE,
                    BackendNode.blocks(memory, BYTES),
                    ForeignPeers.anybodyToReadAndWrite(),
                    new Ending(1));
            String[] command = (node.backend.segmentName() + " " + arguments).split(" ");
            try (PythonPeer peer = new PythonPeer("mooncake_initiator.py", command)) {
                assertThat(peer.line()).isEqualTo(crc(memory));
            }
            lease.finish(BackendNode.soon());
        }
    }

    @Test
    void foreign_metadataServerKnowsOurSegmentWhileWeLiveAndNothingOfAFormerLife() throws Exception {
        try (PythonPeer server = new PythonPeer("metadata_server.py")) {
            BackendConfig config = BackendConfig.DEFAULTS
                    .with(MooncakeConfigKeys.METADATA, server.line())
                    .with(MooncakeConfigKeys.SEGMENT_NAME, "node/7");
            BackendNode<WireBackend> crashed = BackendNode.wire(config);
            crashed.offer(
                    Operation.READ,
                    BackendNode.blocks(crashed.memory(4096, 1), 4096),
                    ForeignPeers.anybody(),
                    new Ending(1));
            try (BackendNode<WireBackend> target = BackendNode.wire(config);
                    BackendNode<WireBackend> initiator =
                            BackendNode.wire(config.with(MooncakeConfigKeys.SEGMENT_NAME, "node8"))) {
                MemorySegment memory = target.memory(8192, 9);
                target.offer(Operation.READ, BackendNode.blocks(memory, 8192), ForeignPeers.anybody(), new Ending(1));
                Segment segment = initiator.backend.segment("node/7");
                assertThat(segment.buffers()).hasSize(1).allMatch(buffer -> buffer.length() == 8192);

                MemorySegment copy = initiator.memory(8192, 0);
                move(
                        initiator,
                        Operation.READ,
                        "node/7",
                        BackendNode.blocks(copy, 8192),
                        segment.buffers().getFirst().address());
                assertThat(copy.mismatch(memory)).isEqualTo(-1);
                target.backend.close(BackendNode.soon());
                assertThatThrownBy(() -> initiator.backend.segment("node/7"))
                        .isInstanceOfSatisfying(
                                TransferException.class,
                                gone -> assertThat(gone.code()).isEqualTo(TransferErrorCode.NOT_FOUND));
            } finally {
                crashed.close();
            }
        }
    }
}
