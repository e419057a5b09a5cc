package io.kvferry.backend.mooncake;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Descriptor;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Proposal;
import io.kvferry.spi.TargetTransfer;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Two of our nodes, below the engine. */
@Timeout(60)
class WirePairTest {
    private BackendNode<WireBackend> initiator;
    private BackendNode<WireBackend> target;

    @BeforeEach
    void open() {
        initiator = BackendNode.wire(BackendConfig.DEFAULTS);
        target = BackendNode.wire(BackendConfig.DEFAULTS);
    }

    @AfterEach
    void close() {
        initiator.close();
        target.close();
    }

    /** Every second block of the memory, so that no two are neighbours. */
    private static BlockList scattered(MemorySegment memory, int blockBytes) {
        MemoryRegion region = MemoryRegion.host(memory);
        int count = (int) (memory.byteSize() / blockBytes / 2);
        BlockList.Builder blocks = BlockList.builder(count);
        for (int i = 0; i < count; i++) {
            blocks.add(i, region, 2L * i * blockBytes, blockBytes);
        }
        return blocks.build();
    }

    @ParameterizedTest
    @EnumSource(Operation.class)
    void aHundredThousandScatteredBlocksAreOneTransfer(Operation operation) throws Exception {
        int blockBytes = 64;
        long bytes = 2L * 100_000 * blockBytes;
        MemorySegment local = initiator.memory(bytes, operation == Operation.WRITE ? 3 : 0);
        MemorySegment remote = target.memory(bytes, operation == Operation.WRITE ? 0 : 3);
        Ending arrived = new Ending(100_000);
        TargetTransfer lease =
                target.offer(operation, scattered(remote, blockBytes), WireProposal.PEER.encode(), arrived);
        BackendNode.Started started = initiator.prepare(
                operation, target.backend.endpoint(), scattered(local, blockBytes), lease.descriptor());
        started.transfer().submit(new BlockRange(0, 40_000));
        started.transfer().submit(new BlockRange(40_000, 60_000));
        started.ending().awaitCompleted();
        if (operation == Operation.WRITE) {
            arrived.awaitCompleted();
        }
        started.transfer().finish(BackendNode.soon());
        lease.finish(BackendNode.soon());
        for (int i = 0; i < 100_000; i++) {
            MemorySegment there = remote.asSlice(2L * i * blockBytes, blockBytes);
            MemorySegment here = local.asSlice(2L * i * blockBytes, blockBytes);
            assertThat(there.mismatch(here)).as("block " + i).isEqualTo(-1);
        }
    }

    @Test
    void aLeaseForAPeerIsNotInThePublishedSegment() {
        MemorySegment memory = target.memory(4096, 1);
        TargetTransfer lease = target.offer(
                Operation.READ, BackendNode.blocks(memory, 4096), WireProposal.PEER.encode(), new Ending(1));
        assertThat(initiator.backend.segment(target.backend.segmentName()).buffers())
                .isEmpty();
        lease.finish(BackendNode.soon());
    }

    @Test
    void noBitOfADescriptorCanBeChanged() {
        MemorySegment memory = target.memory(4096, 1);
        BlockList blocks = BackendNode.blocks(memory, 4096);
        TargetTransfer lease = target.offer(Operation.READ, blocks, WireProposal.PEER.encode(), new Ending(1));
        byte[] bytes = lease.descriptor().toByteArray();
        for (int bit = 0; bit < bytes.length * 8; bit++) {
            byte[] changed = bytes.clone();
            changed[bit / 8] ^= (byte) (1 << bit % 8);
            assertThat(refusal(new Descriptor(changed))).isEqualTo(TransferErrorCode.PROTOCOL_ERROR);
        }
        for (int length = 0; length < bytes.length; length++) {
            assertThat(refusal(new Descriptor(Arrays.copyOf(bytes, length))))
                    .isEqualTo(TransferErrorCode.PROTOCOL_ERROR);
        }
        lease.finish(BackendNode.soon());
    }

    private static TransferErrorCode refusal(Descriptor descriptor) {
        TransferException failure =
                catchThrowableOfType(TransferException.class, () -> WireDescriptor.decode(descriptor));
        assertThat(failure).isNotNull();
        return failure.code();
    }

    @Test
    void onlyThisProcessCanAskForAPublishedLease() {
        for (WireProposal asked : WireProposal.values()) {
            byte[] bytes = asked.encode().toByteArray();
            assertThat(WireProposal.decode(new Proposal(bytes))).isEqualTo(asked);
            bytes[17] ^= 16;
            assertThat(WireProposal.decode(new Proposal(bytes))).isEqualTo(WireProposal.PEER);
        }
    }
}
