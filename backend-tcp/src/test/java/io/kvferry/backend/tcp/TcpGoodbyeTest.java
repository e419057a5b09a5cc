package io.kvferry.backend.tcp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.ChecksumMode;
import io.kvferry.spi.CloseReport;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.TargetPlan;
import io.kvferry.spi.TargetTransfer;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferId;
import java.io.EOFException;
import java.lang.foreign.Arena;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A peer that closes in good order says so, and is not taken for one that was lost. */
@Timeout(120)
class TcpGoodbyeTest {
    private static final int BLOCK = 1 << 20;
    private static final int BLOCKS = 32;
    private static final BlockRange ALL = new BlockRange(0, BLOCKS);

    /** Stands still: nothing here may end only because time has passed. */
    private final TestClock.Virtual clock = TestClock.virtual();

    private final Arena arena = Arena.ofShared();
    private final BlockList local = blocks();
    private final BlockList leased = blocks();
    private final TestNode initiator = node();
    private final TestNode target = node();

    private BlockList blocks() {
        return BlockList.uniform(MemoryRegion.host(arena.allocate((long) BLOCK * BLOCKS, 64)), 0, 0, BLOCK, BLOCKS);
    }

    private TestNode node() {
        return new TestNode(SocketTransport.of(TcpTransportKind.AUTO), BackendConfig.DEFAULTS, clock);
    }

    @AfterEach
    void close() {
        initiator.close();
        target.close();
        arena.close();
    }

    private TestNode.Pair prepare(Operation operation) {
        return new TestNode.Pair(initiator, target, operation, local, leased, ChecksumMode.AUTO).prepare();
    }

    @ParameterizedTest
    @EnumSource
    void aPreparedTransferWhoseTargetClosesEndsShuttingDown(Operation operation) throws Exception {
        TestNode.Pair pair = prepare(operation);
        assertThat(target.backend.close(target.deadline()).isClean()).isTrue();
        assertThat(pair.initiatorObserver.hasFailed()).isFalse();
        pair.initiator.submit(ALL);
        pair.initiatorObserver.awaitFailed(TransferErrorCode.SHUTTING_DOWN);
        assertThat(pair.finishInitiator()).isEqualTo(Quiescence.QUIESCENT);
    }

    @RepeatedTest(10)
    void aTransferInFlightWhosePeerClosesEndsShuttingDownUnlessItCompletes() throws Exception {
        for (Operation operation : Operation.values()) {
            for (boolean targetCloses : new boolean[] {true, false}) {
                try (TestNode one = node();
                        TestNode two = node()) {
                    TestNode.Pair pair =
                            new TestNode.Pair(one, two, operation, local, leased, ChecksumMode.AUTO).prepare();
                    RecordingObserver consumer =
                            operation == Operation.WRITE ? pair.targetObserver : pair.initiatorObserver;
                    pair.initiator.submit(ALL);
                    consumer.awaitFirstApplied();
                    (targetCloses ? two : one).close();
                    assertThat(pair.initiatorObserver.awaitEnd()).isIn(null, TransferErrorCode.SHUTTING_DOWN);
                    if (operation == Operation.WRITE) {
                        assertThat(pair.targetObserver.awaitEnd()).isIn(null, TransferErrorCode.SHUTTING_DOWN);
                    }
                    pair.finishInitiator();
                    pair.finishTarget();
                }
            }
        }
    }

    @Test
    void aLeaseUnderWayWhoseInitiatorClosesEndsShuttingDown() throws Exception {
        TestNode.Pair pair = prepare(Operation.WRITE);
        pair.initiator.submit(new BlockRange(0, 1));
        pair.initiatorObserver.awaitFirstApplied();
        initiator.close();
        pair.targetObserver.awaitFailed(TransferErrorCode.SHUTTING_DOWN);
        assertThat(pair.finishTarget()).isEqualTo(Quiescence.QUIESCENT);
    }

    @Test
    void bothSidesMayCloseAtTheSameTime() throws Exception {
        prepare(Operation.WRITE);
        CompletableFuture<CloseReport> one =
                CompletableFuture.supplyAsync(() -> initiator.backend.close(initiator.deadline()));
        CompletableFuture<CloseReport> two =
                CompletableFuture.supplyAsync(() -> target.backend.close(target.deadline()));
        assertThat(one.get(20, TimeUnit.SECONDS).isClean()).isTrue();
        assertThat(two.get(20, TimeUnit.SECONDS).isClean()).isTrue();
    }

    @Test
    void aGoodbyeIsTheLastFrameAndComesBehindTheAcknowledgements() throws Exception {
        RecordingObserver observer = new RecordingObserver(BLOCKS);
        TargetTransfer lease = lease(observer);
        try (RawPeer peer = RawPeer.greet(target)) {
            peer.send(RawPeer.data(lease.descriptor(), 0, 0, new byte[BLOCK]), new byte[BLOCK]);
            assertThat(peer.receive().header().type).isEqualTo(FrameType.ACK);
            CompletableFuture<CloseReport> closing =
                    CompletableFuture.supplyAsync(() -> target.backend.close(target.deadline()));
            RawPeer.Frame goodbye = peer.receive();
            assertThat(goodbye.header().type).isEqualTo(FrameType.ERROR);
            assertThat(goodbye.header().stream).isZero();
            assertThat(goodbye.header().count).isEqualTo(TransferErrorCode.SHUTTING_DOWN.number());
            assertThat(closing).isNotDone();
            // what is still on its way is drained and answered by nothing
            peer.send(RawPeer.data(lease.descriptor(), 1, 0, new byte[BLOCK]), new byte[BLOCK]);
            peer.socket.shutdownOutput();
            assertThat(catchThrowable(peer::receive)).isInstanceOf(EOFException.class);
            assertThat(closing.get(20, TimeUnit.SECONDS).isClean()).isTrue();
        }
        assertThat(observer.appliedBlocks()).isEqualTo(1);
        observer.awaitFailed(TransferErrorCode.SHUTTING_DOWN);
    }

    /** A lease that a raw peer may write to. */
    private TargetTransfer lease(RecordingObserver observer) {
        TargetPlan plan = new TargetPlan(
                TransferId.random(),
                1,
                41,
                Operation.WRITE,
                target.self,
                new PeerIdentity("raw", 1),
                leased,
                target.handles(leased),
                target.deadline(),
                observer,
                null);
        return target.backend.accept(plan, new TcpProposal(RawPeer.INSTANCE).encode(), target.deadline());
    }

    @Test
    void aPeerThatDoesNotAnswerAGoodbyeDelaysCloseByTheConnectTimeoutOnly() throws Exception {
        try (RawPeer silent = RawPeer.greet(target)) {
            CompletableFuture<CloseReport> closing =
                    CompletableFuture.supplyAsync(() -> target.backend.close(target.deadline()));
            assertThat(silent.receive().header().count).isEqualTo(TransferErrorCode.SHUTTING_DOWN.number());
            target.awaitEventLoops();
            clock.advance(TcpConfigKeys.CONNECT_TIMEOUT.defaultValue());
            assertThat(closing.get(20, TimeUnit.SECONDS).isClean()).isTrue();
            silent.awaitClosed();
        }
    }

    @Test
    void aStrangersGoodbyeEndsNothingButItsOwnConnection() throws Exception {
        TestNode.Pair pair = prepare(Operation.WRITE);
        pair.initiator.submit(new BlockRange(0, 1));
        pair.initiatorObserver.awaitFirstApplied();
        try (RawPeer stranger = RawPeer.greet(target)) {
            FrameHeader goodbye = new FrameHeader().reset(FrameType.ERROR, 0);
            goodbye.count = TransferErrorCode.SHUTTING_DOWN.number();
            stranger.send(goodbye);
            stranger.awaitClosed();
        }
        pair.initiator.submit(new BlockRange(1, BLOCKS - 1));
        pair.initiatorObserver.awaitCompleted();
        pair.targetObserver.awaitCompleted();
    }
}
