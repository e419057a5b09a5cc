package io.kvferry.backend.tcp;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.ChecksumMode;
import io.kvferry.spi.InitiatorPlan;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.LeaseKey;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.ResetScope;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferId;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.ServerSocket;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Peers that freeze, vanish or are cut off: the transfer ends, memory is given back when that is safe, others go on. */
class TcpLossTest {
    private static final int BLOCK = 1 << 20;
    private static final int BLOCKS = 64;

    private final TestClock.Virtual clock = TestClock.virtual();
    private final Arena arena = Arena.ofShared();
    private final MemorySegment segment = arena.allocate((long) BLOCK * BLOCKS, 64);
    private final BlockList blocks = BlockList.uniform(MemoryRegion.host(segment), 0, 0, BLOCK, BLOCKS);
    private final TestNode node = open();

    private TestNode open() {
        return new TestNode(
                SocketTransport.of(TcpTransportKind.AUTO),
                BackendConfig.DEFAULTS.with(TcpConfigKeys.LANES, 1).with(TcpConfigKeys.SEND_BUFFER, (long)
                        RawPeer.BUFFER_BYTES),
                clock);
    }

    @AfterEach
    void close() {
        node.close();
        arena.close();
    }

    /** A transfer of this node to a peer that the test plays. */
    private final class Outgoing implements AutoCloseable {
        final TransferId id = TransferId.random();
        final RecordingObserver observer;
        final InitiatorTransfer transfer;
        final RawPeer peer;

        Outgoing(ServerSocket listener, RawPeer known, Operation operation, BlockList local) throws Exception {
            observer = new RecordingObserver(local.size());
            InitiatorPlan plan = new InitiatorPlan(
                    id,
                    1,
                    operation,
                    node.self,
                    new PeerIdentity("raw", 1),
                    new TcpEndpoint("127.0.0.1", listener.getLocalPort(), RawPeer.INSTANCE).encode(),
                    local,
                    node.handles(local),
                    ChecksumMode.AUTO,
                    node.deadline(),
                    observer,
                    null);
            TcpDescriptor descriptor = new TcpDescriptor(
                    RawPeer.INSTANCE, new TcpLease(1, new LeaseKey(2, 3, 4)), local.size(), local.totalBytes());
            CompletableFuture<InitiatorTransfer> prepared = CompletableFuture.supplyAsync(
                    () -> node.backend.prepare(plan, descriptor.encode(), node.deadline()),
                    task -> Thread.ofVirtual().start(task));
            peer = known == null ? RawPeer.welcome(listener) : known;
            transfer = prepared.get(20, TimeUnit.SECONDS);
        }

        void submitAll() {
            transfer.submit(new BlockRange(0, observerBlocks()));
        }

        private int observerBlocks() {
            return transfer.status().blocksTotal();
        }

        @Override
        public void close() throws IOException {
            peer.close();
        }
    }

    @Test
    void aFrozenPeerLeavesTheMemoryInQuarantineUntilItsConnectionIsReset() throws Exception {
        try (ServerSocket listener = RawPeer.listener();
                Outgoing outgoing = new Outgoing(listener, null, Operation.WRITE, blocks)) {
            outgoing.submitAll();
            outgoing.peer
                    .receive(); // bytes flow, and no more is read: the socket buffers are far too small for the rest
            node.awaitEventLoops();

            assertThat(outgoing.transfer.finish(node.deadline())).isEqualTo(Quiescence.QUARANTINED);
            assertThat(outgoing.observer.hasQuiesced()).isFalse();

            node.backend.reset(new ResetScope.Connection(outgoing.id, 1), node.deadline());
            outgoing.observer.awaitQuiesced();
            assertThat(outgoing.transfer.finish(node.deadline())).isEqualTo(Quiescence.QUIESCENT);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aResetFencesAndFailsBystandersAsCollateral(boolean wholeInstance) throws Exception {
        try (ServerSocket listener = RawPeer.listener();
                Outgoing outgoing = new Outgoing(listener, null, Operation.WRITE, blocks)) {
            outgoing.submitAll();
            ResetScope scope =
                    wholeInstance ? new ResetScope.Instance() : new ResetScope.Peer(new PeerIdentity("raw", 1));
            node.backend.reset(scope, node.deadline());
            outgoing.observer.awaitFailed(TransferErrorCode.TRANSFER_FAILED);
            assertThat(outgoing.transfer.finish(node.deadline())).isEqualTo(Quiescence.QUIESCENT);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aTransferWithoutProgressFailsPeerLostAfterTheProgressTimeout(Operation operation) throws Exception {
        try (ServerSocket listener = RawPeer.listener();
                Outgoing outgoing = new Outgoing(listener, null, operation, blocks)) {
            outgoing.submitAll();
            outgoing.peer.receive();
            for (int quarter = 0; quarter < 4; quarter++) {
                advanceQuarter();
                assertThat(outgoing.observer.hasFailed()).isFalse();
            }
            while (!outgoing.observer.hasFailed()) {
                advanceQuarter();
            }
            outgoing.observer.awaitFailed(TransferErrorCode.PEER_LOST);
        }
    }

    /** A check runs on the event loop and schedules the next, so each is waited for. */
    private void advanceQuarter() throws Exception {
        clock.advance(TcpConfigKeys.PROGRESS_TIMEOUT.defaultValue().dividedBy(4));
        node.awaitEventLoops();
    }

    @Test
    void aTransferThatProgressesIsNotTakenForLost() throws Exception {
        BlockList two = BlockList.uniform(MemoryRegion.host(segment), 0, 0, 64, 40);
        try (ServerSocket listener = RawPeer.listener();
                Outgoing outgoing = new Outgoing(listener, null, Operation.WRITE, two)) {
            outgoing.submitAll();
            FrameHeader data = outgoing.peer.receive().header();
            for (int done = 1; done <= 40; done++) {
                FrameHeader ack = new FrameHeader().reset(FrameType.ACK, data.stream);
                ack.offset = done;
                outgoing.peer.send(ack);
                while (outgoing.observer.appliedBlocks() < done) {
                    assertThat(outgoing.observer.hasFailed()).isFalse();
                    Thread.onSpinWait();
                }
                advanceQuarter();
            }
            outgoing.observer.awaitCompleted();
        }
    }

    @Test
    void aResetInTheMiddleOfAFrameIsPeerLostOnBothSides() throws Exception {
        try (ServerSocket listener = RawPeer.listener();
                Outgoing outgoing = new Outgoing(listener, null, Operation.WRITE, blocks)) {
            outgoing.submitAll();
            outgoing.peer.receive();
            outgoing.peer.reset();
            outgoing.observer.awaitFailed(TransferErrorCode.PEER_LOST);
            assertThat(outgoing.transfer.finish(node.deadline())).isEqualTo(Quiescence.QUIESCENT);
        }
    }

    @Test
    void anAcknowledgementOfBlocksThatWereNotSentIsAProtocolError() throws Exception {
        BlockList one = BlockList.uniform(MemoryRegion.host(segment), 0, 0, 64, 2);
        try (ServerSocket listener = RawPeer.listener();
                Outgoing outgoing = new Outgoing(listener, null, Operation.WRITE, one)) {
            outgoing.transfer.submit(new BlockRange(0, 1));
            FrameHeader ack = new FrameHeader()
                    .reset(FrameType.ACK, outgoing.peer.receive().header().stream);
            ack.offset = 2;
            outgoing.peer.send(ack);
            outgoing.observer.awaitFailed(TransferErrorCode.PROTOCOL_ERROR);
            assertThat(outgoing.observer.hasCompleted()).isFalse();
        }
    }

    @Test
    void theAnswerToAReadLandsOnlyWhereItWasAsked() throws Exception {
        BlockList two = BlockList.uniform(MemoryRegion.host(segment), 0, 0, 64, 4);
        try (ServerSocket listener = RawPeer.listener();
                Outgoing outgoing = new Outgoing(listener, null, Operation.READ, two)) {
            segment.asSlice(0, 256).fill((byte) 9);
            outgoing.transfer.submit(new BlockRange(0, 2));
            FrameHeader request = outgoing.peer.receive().header();
            byte[] three = new byte[3 * 64];
            FrameHeader data = new FrameHeader().reset(FrameType.DATA, request.stream);
            data.lease(new TcpLease(request.slot, new LeaseKey(request.keyHigh, request.keyLow, request.epoch)));
            data.length = three.length;
            outgoing.peer.send(data, three);
            outgoing.observer.awaitFailed(TransferErrorCode.ACCESS_DENIED);
            assertThat(segment.asSlice(0, 256).mismatch(arena.allocate(256).fill((byte) 9)))
                    .isEqualTo(-1);
        }
    }

    @Test
    void aCancelledReadTellsTheTargetToStopAndLeavesTheMemoryAlone() throws Exception {
        try (ServerSocket listener = RawPeer.listener();
                Outgoing outgoing = new Outgoing(listener, null, Operation.READ, blocks)) {
            outgoing.submitAll();
            FrameHeader request = outgoing.peer.receive().header();
            assertThat(outgoing.transfer.finish(node.deadline())).isEqualTo(Quiescence.QUIESCENT);
            RawPeer.Frame stop = outgoing.peer.receive();
            assertThat(stop.header().type).isEqualTo(FrameType.ERROR);
            assertThat(stop.header().count).isEqualTo(TransferErrorCode.CANCELLED.number());

            byte[] late = new byte[BLOCK];
            Arrays.fill(late, (byte) 7);
            FrameHeader data = new FrameHeader().reset(FrameType.DATA, request.stream);
            data.lease(new TcpLease(request.slot, new LeaseKey(request.keyHigh, request.keyLow, request.epoch)));
            data.length = late.length;
            outgoing.peer.send(data, late);
            try (Outgoing next = new Outgoing(listener, outgoing.peer, Operation.READ, blocks)) {
                next.submitAll();
                assertThat(next.peer.receive().header().type).isEqualTo(FrameType.READ);
            }
            assertThat(segment.mismatch(arena.allocate(segment.byteSize(), 64))).isEqualTo(-1);
        }
    }

    @Test
    void aSmallTransferIsNotStuckBehindALargeOne() throws Exception {
        BlockList small = BlockList.uniform(MemoryRegion.host(segment), 0, 0, 4096, 1);
        try (ServerSocket listener = RawPeer.listener();
                Outgoing large = new Outgoing(listener, null, Operation.WRITE, blocks)) {
            large.submitAll();
            long largeStream = large.peer.receive().header().stream;
            // the socket is full by now or will be; the large transfer has 63 MiB to go
            try (Outgoing next = new Outgoing(listener, large.peer, Operation.WRITE, small)) {
                next.submitAll();
                node.awaitEventLoops();
                long before = 0;
                RawPeer.Frame frame = large.peer.receive();
                while (frame.header().stream == largeStream) {
                    before += frame.header().length;
                    frame = large.peer.receive();
                }
                assertThat(frame.header().length).isEqualTo(4096);
                assertThat(before).isLessThan((long) BLOCK * (BLOCKS - 10));
            }
        }
    }

    @Test
    void theNextTransferToAPeerThatWasLostOpensANewConnection() throws Exception {
        BlockList one = BlockList.uniform(MemoryRegion.host(segment), 0, 0, 64, 1);
        try (ServerSocket listener = RawPeer.listener()) {
            try (Outgoing outgoing = new Outgoing(listener, null, Operation.WRITE, one)) {
                outgoing.submitAll();
                outgoing.peer.receive();
                outgoing.peer.reset();
                outgoing.observer.awaitFailed(TransferErrorCode.PEER_LOST);
                outgoing.transfer.finish(node.deadline());
            }
            try (Outgoing again = new Outgoing(listener, null, Operation.WRITE, one)) {
                again.submitAll();
                FrameHeader ack = new FrameHeader()
                        .reset(FrameType.ACK, again.peer.receive().header().stream);
                ack.offset = 1;
                again.peer.send(ack);
                again.observer.awaitCompleted();
            }
        }
    }

    @Test
    void anOrderlyCloseOfAnIdleConnectionFailsNothing() throws Exception {
        BlockList one = BlockList.uniform(MemoryRegion.host(segment), 0, 0, 64, 2);
        try (ServerSocket listener = RawPeer.listener();
                Outgoing outgoing = new Outgoing(listener, null, Operation.WRITE, one)) {
            outgoing.transfer.submit(new BlockRange(0, 1));
            FrameHeader ack = new FrameHeader()
                    .reset(FrameType.ACK, outgoing.peer.receive().header().stream);
            ack.offset = 1;
            outgoing.peer.send(ack);
            outgoing.peer.socket.shutdownOutput();
            outgoing.peer.awaitClosed();
            node.awaitEventLoops();
            assertThat(outgoing.observer.appliedBlocks()).isEqualTo(1);
            assertThat(outgoing.observer.hasFailed()).isFalse();
            outgoing.transfer.submit(new BlockRange(1, 1));
            outgoing.observer.awaitFailed(TransferErrorCode.PEER_LOST);
        }
    }

    @Test
    void unusedConnectionsAreClosedAfterTheIdleTimeout() throws Exception {
        BlockList one = BlockList.uniform(MemoryRegion.host(segment), 0, 0, 64, 1);
        try (ServerSocket listener = RawPeer.listener();
                Outgoing outgoing = new Outgoing(listener, null, Operation.WRITE, one)) {
            clock.advance(TcpConfigKeys.IDLE_TIMEOUT.defaultValue());
            assertThat(outgoing.transfer.finish(node.deadline())).isEqualTo(Quiescence.QUIESCENT);
            clock.advance(TcpConfigKeys.IDLE_TIMEOUT.defaultValue());
            clock.advance(TcpConfigKeys.IDLE_TIMEOUT.defaultValue());
            assertThat(outgoing.peer.receive().header().count).isEqualTo(TransferErrorCode.SHUTTING_DOWN.number());
            node.awaitEventLoops();
            clock.advance(TcpConfigKeys.CONNECT_TIMEOUT.defaultValue()); // the peer does not answer the goodbye
            outgoing.peer.awaitClosed();
        }
    }
}
