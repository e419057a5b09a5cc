package io.kvferry.backend.tcp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.ChecksumMode;
import io.kvferry.spi.CloseReport;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.ResetScope;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The same logic over a network in memory that tears, damages, cuts and holds back. */
class TcpFaultTest {
    private static final long SEED = 42;
    private static final byte POISON = 0x5A;
    private static final int BLOCK = 3000;
    private static final int BLOCKS = 40;
    private static final long GREETING_BYTES = FrameHeader.BYTES;

    private final TestClock.Virtual clock = TestClock.virtual();
    private final Arena arena = Arena.ofShared();
    private final MemorySegment local = arena.allocate(200_000, 1);
    private final MemorySegment remote = arena.allocate(200_000, 1);
    private final BlockList localBlocks = BlockList.uniform(MemoryRegion.host(local), 0, 11, BLOCK, BLOCKS);
    private final BlockList remoteBlocks = spread(MemoryRegion.host(remote));
    private TestNode one = node(new FakeTransport(SEED));
    private TestNode two = node(new FakeTransport(SEED + 1));

    private static BlockList spread(MemoryRegion region) {
        BlockList.Builder builder = BlockList.builder(BLOCKS);
        for (int i = 0; i < BLOCKS; i++) {
            builder.add(i, region, 7 + i * (BLOCK + 13L), BLOCK);
        }
        return builder.build();
    }

    private TestNode node(FakeTransport transport) {
        BackendConfig config = BackendConfig.DEFAULTS
                .with(TcpConfigKeys.LANES, 1)
                .with(TcpConfigKeys.FRAME_SIZE, 16L << 10)
                .with(TcpConfigKeys.EVENT_LOOP_THREADS, 1);
        return new TestNode(transport, config, clock);
    }

    private void initiatorSends(FakeTransport transport) throws Exception {
        disconnect();
        one.close();
        one = node(transport);
    }

    private void targetSends(FakeTransport transport) throws Exception {
        disconnect();
        two.close();
        two = node(transport);
    }

    /** Netty's local channels complain when the other side's event loop ends before they have heard of the end. */
    private void disconnect() throws Exception {
        for (TestNode node : List.of(one, two)) {
            if (node.isOpen()) {
                node.backend.reset(new ResetScope.Instance(), node.deadline());
                node.awaitEventLoops();
            }
        }
    }

    @AfterEach
    void close() throws Exception {
        disconnect();
        one.close();
        two.close();
        arena.close();
    }

    private MemorySegment source(Operation operation) {
        return operation == Operation.WRITE ? local : remote;
    }

    private MemorySegment sink(Operation operation) {
        return operation == Operation.WRITE ? remote : local;
    }

    private TestNode.Pair pair(Operation operation) {
        byte[] bytes = new byte[(int) source(operation).byteSize()];
        new Random(SEED).nextBytes(bytes);
        MemorySegment.copy(bytes, 0, source(operation), ValueLayout.JAVA_BYTE, 0, bytes.length);
        sink(operation).fill(POISON);
        return new TestNode.Pair(one, two, operation, localBlocks, remoteBlocks, ChecksumMode.ON);
    }

    @ParameterizedTest
    @EnumSource
    void bytesInPiecesOfAnySizeArriveIntact(Operation operation) throws Exception {
        TestNode.Pair pair = pair(operation).prepare();
        pair.initiator.submit(new BlockRange(0, BLOCKS));
        pair.initiatorObserver.awaitCompleted();
        pair.targetObserver.awaitCompleted();
        assertThat(pair.finishInitiator()).isEqualTo(Quiescence.QUIESCENT);
        assertThat(pair.finishTarget()).isEqualTo(Quiescence.QUIESCENT);
        assertSame(BLOCKS);
    }

    private void assertSame(int blocks) {
        for (int i = 0; i < blocks; i++) {
            MemorySegment here = local.asSlice(localBlocks.offset(i), BLOCK);
            assertThat(here.mismatch(remote.asSlice(remoteBlocks.offset(i), BLOCK)))
                    .isEqualTo(-1);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aDamagedPayloadIsDataCorruptedOnBothSides(Operation operation) throws Exception {
        FakeTransport damaging = new FakeTransport(SEED).damage(GREETING_BYTES + FrameHeader.BYTES + 5000);
        if (operation == Operation.WRITE) {
            initiatorSends(damaging);
        } else {
            targetSends(damaging);
        }
        TestNode.Pair pair = pair(operation).prepare();
        pair.initiator.submit(new BlockRange(0, BLOCKS));
        pair.initiatorObserver.awaitFailed(TransferErrorCode.DATA_CORRUPTED);
        pair.targetObserver.awaitFailed(TransferErrorCode.DATA_CORRUPTED);
        assertThat(pair.initiatorObserver.hasCompleted()).isFalse();
    }

    @Test
    void aDamagedHeaderEndsTheConnectionAndItsTransfers() throws Exception {
        initiatorSends(new FakeTransport(SEED).damage(GREETING_BYTES + 6));
        TestNode.Pair pair = pair(Operation.WRITE).prepare();
        pair.initiator.submit(new BlockRange(0, BLOCKS));
        pair.initiatorObserver.awaitFailed(TransferErrorCode.PROTOCOL_ERROR);
        assertThat(remote.mismatch(arena.allocate(remote.byteSize()).fill(POISON)))
                .isEqualTo(-1);
    }

    @ParameterizedTest
    @EnumSource
    void aConnectionCutAtAnyByteNeverCompletesAndNeverClaimsTooMuch(Operation operation) throws Exception {
        Random random = new Random(SEED);
        long total = (BLOCK + 0L) * BLOCKS;
        for (int round = 0; round < 60; round++) {
            long at = round < 20 ? GREETING_BYTES + round * 9L : GREETING_BYTES + random.nextLong(total);
            FakeTransport cutting = new FakeTransport(random.nextLong()).cut(at);
            if (operation == Operation.WRITE) {
                initiatorSends(cutting);
            } else {
                targetSends(cutting);
            }
            TestNode.Pair pair = pair(operation).prepare();
            pair.initiator.submit(new BlockRange(0, BLOCKS));
            pair.initiatorObserver.awaitFailed(TransferErrorCode.PEER_LOST);
            assertThat(pair.initiatorObserver.hasCompleted())
                    .as("cut at %s", at)
                    .isFalse();
            pair.initiatorObserver.assertNothingBroken();
            assertThat(pair.finishInitiator()).isEqualTo(Quiescence.QUIESCENT);
            if (pair.finishTarget() == Quiescence.QUARANTINED) {
                pair.targetObserver.awaitQuiesced();
            }
            assertSame(pair.initiatorObserver.appliedBlocks());
        }
    }

    @Test
    void aCutGreetingFailsPrepare() throws Exception {
        initiatorSends(new FakeTransport(SEED).cut(40));
        TestNode.Pair pair = pair(Operation.WRITE);
        TransferException failure = catchThrowableOfType(TransferException.class, pair::prepare);
        assertThat(failure.code()).isEqualTo(TransferErrorCode.CONNECTION_FAILED);
    }

    @Test
    void whatIsOnItsWayKeepsTheSourceInQuarantineUntilItHasLeft() throws Exception {
        FakeTransport holding = new FakeTransport(SEED);
        initiatorSends(holding);
        TestNode.Pair pair = pair(Operation.WRITE).prepare();
        holding.hold();
        pair.initiator.submit(new BlockRange(0, BLOCKS));
        one.awaitEventLoops();

        assertThat(pair.finishInitiator()).isEqualTo(Quiescence.QUARANTINED);
        assertThat(pair.initiatorObserver.hasQuiesced()).isFalse();

        holding.release();
        pair.initiatorObserver.awaitQuiesced();
        assertThat(pair.finishInitiator()).isEqualTo(Quiescence.QUIESCENT);
        pair.initiator.submit(new BlockRange(0, 1));
        one.awaitEventLoops();
        assertThat(pair.initiatorObserver.hasFailed()).isFalse();
        assertThat(pair.initiatorObserver.hasCompleted()).isFalse();
    }

    @Test
    void aResetEndsTheQuarantineOfWhatNeverLeft() throws Exception {
        FakeTransport holding = new FakeTransport(SEED);
        initiatorSends(holding);
        TestNode.Pair pair = pair(Operation.WRITE).prepare();
        holding.hold();
        pair.initiator.submit(new BlockRange(0, BLOCKS));
        one.awaitEventLoops();
        assertThat(pair.finishInitiator()).isEqualTo(Quiescence.QUARANTINED);
        one.backend.reset(new ResetScope.Connection(pair.id, 1), one.deadline());
        pair.initiatorObserver.awaitQuiesced();
    }

    @Test
    void aCancelledWriteChangesNothingAfterItsQuiescence() throws Exception {
        TestNode.Pair pair = pair(Operation.WRITE).prepare();
        pair.initiator.submit(new BlockRange(0, BLOCKS));
        if (pair.finishTarget() == Quiescence.QUARANTINED) {
            pair.targetObserver.awaitQuiesced();
        }
        remote.fill(POISON);
        if (pair.finishInitiator() == Quiescence.QUARANTINED) {
            pair.initiatorObserver.awaitQuiesced();
        }
        local.fill((byte) 0);
        one.awaitEventLoops();
        two.awaitEventLoops();
        assertThat(remote.mismatch(arena.allocate(remote.byteSize()).fill(POISON)))
                .isEqualTo(-1);
    }

    @Test
    void closingTheBackendFailsWhatRunsAndRefusesMore() throws Exception {
        FakeTransport holding = new FakeTransport(SEED);
        initiatorSends(holding);
        TestNode.Pair pair = pair(Operation.WRITE).prepare();
        holding.hold();
        pair.initiator.submit(new BlockRange(0, BLOCKS));
        one.awaitEventLoops();
        CompletableFuture<CloseReport> closing = CompletableFuture.supplyAsync(() -> one.backend.close(one.deadline()));
        pair.initiatorObserver.awaitFailed(TransferErrorCode.SHUTTING_DOWN);
        one.awaitEventLoops();
        clock.advance(TcpConfigKeys.CONNECT_TIMEOUT.defaultValue()); // the goodbye is held back too
        assertThat(closing.get(20, TimeUnit.SECONDS).isClean()).isTrue();
        assertThat(catchThrowableOfType(TransferException.class, pair::prepare).code())
                .isEqualTo(TransferErrorCode.SHUTTING_DOWN);
    }
}
