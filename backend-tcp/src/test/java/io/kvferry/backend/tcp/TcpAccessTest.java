package io.kvferry.backend.tcp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEndpoint;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.ChecksumMode;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Descriptor;
import io.kvferry.spi.InitiatorPlan;
import io.kvferry.spi.LeaseKey;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Proposal;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.TargetPlan;
import io.kvferry.spi.TargetTransfer;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.Arrays;
import java.util.function.Consumer;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What a peer may not reach, it does not reach, and it is told why. */
class TcpAccessTest {
    private static final byte POISON = 0x5A;
    private static final int BLOCK = 4096;
    private static final int BLOCKS = 8;

    /** Ways to knock with a frame that would be right otherwise. */
    enum Intrusion {
        WRONG_KEY_HIGH(TransferErrorCode.ACCESS_DENIED, frame -> frame.keyHigh ^= 1),
        WRONG_KEY_LOW(TransferErrorCode.ACCESS_DENIED, frame -> frame.keyLow ^= 1L << 63),
        NO_KEY(TransferErrorCode.ACCESS_DENIED, frame -> {
            frame.keyHigh = 0;
            frame.keyLow = 0;
        }),
        OTHER_SLOT(TransferErrorCode.LEASE_ENDED, frame -> frame.slot += 1L << 32),
        SLOT_OUTSIDE_THE_TABLE(TransferErrorCode.LEASE_ENDED, frame -> frame.slot = 0xFFFF_FFFFL),
        OLD_EPOCH(TransferErrorCode.LEASE_ENDED, frame -> frame.epoch--),
        BLOCK_BEHIND_THE_LAST(TransferErrorCode.ACCESS_DENIED, frame -> frame.block = BLOCKS),
        NEGATIVE_BLOCK(TransferErrorCode.ACCESS_DENIED, frame -> frame.block = -1),
        LAST_BLOCK_AND_BEYOND(TransferErrorCode.ACCESS_DENIED, frame -> frame.block = BLOCKS - 1),
        NEGATIVE_OFFSET(TransferErrorCode.ACCESS_DENIED, frame -> frame.offset = -8),
        OFFSET_THAT_OVERFLOWS(TransferErrorCode.PROTOCOL_ERROR, frame -> frame.offset = Long.MAX_VALUE - 8),
        MIDDLE_OF_A_BLOCK(TransferErrorCode.PROTOCOL_ERROR, frame -> frame.offset = 8);

        private final TransferErrorCode code;
        private final Consumer<FrameHeader> change;

        Intrusion(TransferErrorCode code, Consumer<FrameHeader> change) {
            this.code = code;
            this.change = change;
        }
    }

    private final Arena arena = Arena.ofShared();
    private final TestClock clock = TestClock.real();
    private final MemorySegment segment =
            arena.allocate(BLOCK * (BLOCKS + 2), 64).fill(POISON);
    private final MemoryRegion region = MemoryRegion.host(segment);
    private final BlockList blocks = BlockList.uniform(region, 0, BLOCK, BLOCK, BLOCKS);
    private final byte[] twoBlocks = new byte[2 * BLOCK];
    private TestNode node;

    @BeforeEach
    void open() {
        node = new TestNode(SocketTransport.of(TcpTransportKind.AUTO), BackendConfig.DEFAULTS, clock);
        Arrays.fill(twoBlocks, (byte) 1);
    }

    @AfterEach
    void close() {
        node.close();
        clock.close();
        arena.close();
    }

    private TargetTransfer lease(Operation operation, RecordingObserver observer, long peerInstance) {
        TargetPlan plan = new TargetPlan(
                TransferId.random(),
                1,
                41,
                operation,
                node.self,
                new PeerIdentity("raw", 1),
                blocks,
                node.handles(blocks),
                node.deadline(),
                observer,
                null);
        return node.backend.accept(plan, new TcpProposal(peerInstance).encode(), node.deadline());
    }

    @ParameterizedTest
    @EnumSource
    void aFrameThatIsNotTheLeasesWritesNothing(Intrusion intrusion) throws Exception {
        RecordingObserver observer = new RecordingObserver(BLOCKS);
        TargetTransfer lease = lease(Operation.WRITE, observer, RawPeer.INSTANCE);
        try (RawPeer peer = RawPeer.greet(node)) {
            FrameHeader frame = RawPeer.data(lease.descriptor(), 0, 0, twoBlocks);
            intrusion.change.accept(frame);
            peer.send(frame, twoBlocks);
            assertRefused(peer, intrusion.code);

            assertPoisoned();
            assertThat(lease.finish(node.deadline())).isEqualTo(Quiescence.QUIESCENT);
            assertThat(observer.appliedBlocks()).isZero();

            assertStillServing(peer);
        }
    }

    @Test
    void aWriteToALeaseThatAllowsReadIsDenied() throws Exception {
        TargetTransfer lease = lease(Operation.READ, new RecordingObserver(BLOCKS), RawPeer.INSTANCE);
        try (RawPeer peer = RawPeer.greet(node)) {
            peer.send(RawPeer.data(lease.descriptor(), 0, 0, twoBlocks), twoBlocks);
            assertRefused(peer, TransferErrorCode.ACCESS_DENIED);
            assertPoisoned();
        }
    }

    @Test
    void aReadOfALeaseThatAllowsWriteIsDenied() throws Exception {
        TargetTransfer lease = lease(Operation.WRITE, new RecordingObserver(BLOCKS), RawPeer.INSTANCE);
        try (RawPeer peer = RawPeer.greet(node)) {
            peer.send(read(lease, 0, 1));
            assertRefused(peer, TransferErrorCode.ACCESS_DENIED);
        }
    }

    @Test
    void aReadOutsideTheLeaseIsDenied() throws Exception {
        TargetTransfer lease = lease(Operation.READ, new RecordingObserver(BLOCKS), RawPeer.INSTANCE);
        int[][] ranges = {{BLOCKS, 1}, {0, BLOCKS + 1}, {-1, 2}, {0, 0}, {1, Integer.MAX_VALUE}, {Integer.MAX_VALUE, 1}
        };
        try (RawPeer peer = RawPeer.greet(node)) {
            long stream = 1;
            for (int[] range : ranges) {
                FrameHeader read = read(lease, range[0], range[1]);
                read.stream = stream++;
                peer.send(read);
                assertRefused(peer, TransferErrorCode.ACCESS_DENIED);
            }
        }
    }

    @Test
    void anotherInstanceCannotUseALeakedLease() throws Exception {
        TargetTransfer lease = lease(Operation.WRITE, new RecordingObserver(BLOCKS), RawPeer.INSTANCE + 1);
        try (RawPeer peer = RawPeer.greet(node)) {
            peer.send(RawPeer.data(lease.descriptor(), 0, 0, twoBlocks), twoBlocks);
            assertRefused(peer, TransferErrorCode.ACCESS_DENIED);
            assertPoisoned();
        }
    }

    @Test
    void aBlockIsWrittenOnce() throws Exception {
        RecordingObserver observer = new RecordingObserver(BLOCKS);
        TargetTransfer lease = lease(Operation.WRITE, observer, RawPeer.INSTANCE);
        try (RawPeer peer = RawPeer.greet(node)) {
            peer.send(RawPeer.data(lease.descriptor(), 2, 0, twoBlocks), twoBlocks);
            RawPeer.Frame ack = peer.receive();
            assertThat(ack.header().type).isEqualTo(FrameType.ACK);
            assertThat(ack.header().offset).isEqualTo(2);
            byte[] other = new byte[BLOCK];
            peer.send(RawPeer.data(lease.descriptor(), 3, 0, other), other);
            assertRefused(peer, TransferErrorCode.PROTOCOL_ERROR);
            assertThat(segment.get(ValueLayout.JAVA_BYTE, BLOCK * 4)).isEqualTo((byte) 1);
            observer.awaitFailed(TransferErrorCode.PROTOCOL_ERROR);
            assertThat(observer.appliedBlocks()).isEqualTo(2);
        }
    }

    @Test
    void aFrameAfterFinishIsRefusedAndWritesNothing() throws Exception {
        TargetTransfer lease = lease(Operation.WRITE, new RecordingObserver(BLOCKS), RawPeer.INSTANCE);
        try (RawPeer peer = RawPeer.greet(node)) {
            assertThat(lease.finish(node.deadline())).isEqualTo(Quiescence.QUIESCENT);
            peer.send(RawPeer.data(lease.descriptor(), 0, 0, twoBlocks), twoBlocks);
            assertRefused(peer, TransferErrorCode.LEASE_ENDED);
            assertPoisoned();
        }
    }

    @Test
    void aSealedLeaseRefusesFramesThatHaveNotStartedToLand() throws Exception {
        TargetTransfer lease = lease(Operation.WRITE, new RecordingObserver(BLOCKS), RawPeer.INSTANCE);
        try (RawPeer peer = RawPeer.greet(node)) {
            lease.seal();
            peer.send(RawPeer.data(lease.descriptor(), 0, 0, twoBlocks), twoBlocks);
            assertRefused(peer, TransferErrorCode.LEASE_ENDED);
            assertPoisoned();
        }
    }

    @Test
    void aFrameWithAWrongChecksumFailsItsTransferOnBothSides() throws Exception {
        RecordingObserver observer = new RecordingObserver(BLOCKS);
        TargetTransfer lease = lease(Operation.WRITE, observer, RawPeer.INSTANCE);
        try (RawPeer peer = RawPeer.greet(node)) {
            FrameHeader frame = RawPeer.data(lease.descriptor(), 0, 0, twoBlocks);
            frame.payloadCrc ^= 1;
            peer.send(frame, twoBlocks);
            assertRefused(peer, TransferErrorCode.DATA_CORRUPTED);
            observer.awaitFailed(TransferErrorCode.DATA_CORRUPTED);
            assertThat(observer.appliedBlocks()).isZero();
            segment.fill(POISON);
            assertStillServing(peer);
        }
    }

    @Test
    void theRestOfALandingFrameIsTurnedAwayFromAFinishedLease() throws Exception {
        RecordingObserver observer = new RecordingObserver(BLOCKS);
        TargetTransfer lease = lease(Operation.WRITE, observer, RawPeer.INSTANCE);
        try (RawPeer peer = RawPeer.greet(node)) {
            byte[] oneBlock = new byte[BLOCK];
            peer.send(RawPeer.data(lease.descriptor(), 0, 0, oneBlock), oneBlock);
            assertThat(peer.receive().header().type).isEqualTo(FrameType.ACK);
            // the acknowledged frame proves that the header behind it, sent in one piece, is being read
            FrameHeader half = RawPeer.data(lease.descriptor(), 4, 0, twoBlocks);
            peer.send(half, Arrays.copyOf(twoBlocks, BLOCK));
            awaitFirstByte(BLOCK * 5);

            if (lease.finish(node.deadline()) == Quiescence.QUARANTINED) {
                observer.awaitQuiesced();
            }
            segment.fill(POISON);
            peer.send(Arrays.copyOf(twoBlocks, BLOCK));
            assertStillServing(peer);
        }
    }

    /** Memory has no event to wait for, so this looks until the bytes are there. */
    private void awaitFirstByte(long offset) {
        Deadline deadline = Deadline.after(Duration.ofSeconds(20));
        while ((byte) ValueLayout.JAVA_BYTE.varHandle().getVolatile(segment, offset) == POISON) {
            assertThat(deadline.isExpired()).isFalse();
            Thread.onSpinWait();
        }
    }

    private static FrameHeader read(TargetTransfer lease, int first, int count) {
        FrameHeader read = new FrameHeader()
                .reset(FrameType.READ, 77)
                .lease(TcpDescriptor.decode(lease.descriptor()).lease());
        read.block = first;
        read.count = count;
        return read;
    }

    private static void assertRefused(RawPeer peer, TransferErrorCode code) throws IOException {
        RawPeer.Frame answer = peer.receive();
        assertThat(answer.header().type).isEqualTo(FrameType.ERROR);
        assertThat(TransferErrorCode.ofNumber(answer.header().count))
                .as(answer.detail())
                .isEqualTo(code);
    }

    /** Everything between the blocks as well. */
    private void assertPoisoned() {
        for (long i = 0; i < segment.byteSize(); i++) {
            if (segment.get(ValueLayout.JAVA_BYTE, i) != POISON) {
                throw new AssertionError("byte " + i + " was written");
            }
        }
    }

    /** A refusal is about one transfer: the next on the same connection works. */
    private void assertStillServing(RawPeer peer) throws Exception {
        assertPoisoned();
        RecordingObserver observer = new RecordingObserver(BLOCKS);
        TargetTransfer next = lease(Operation.WRITE, observer, RawPeer.INSTANCE);
        byte[] all = new byte[BLOCKS * BLOCK];
        FrameHeader frame = RawPeer.data(next.descriptor(), 0, 0, all);
        frame.stream = 78;
        peer.send(frame, all);
        observer.awaitCompleted();
        assertThat(peer.receive().header().offset).isEqualTo(BLOCKS);
        assertThat(next.finish(node.deadline())).isEqualTo(Quiescence.QUIESCENT);
    }

    @Test
    void aDescriptorOfAnotherInstanceThanTheEndpointIsRefusedAtPrepare() {
        TargetTransfer lease = lease(Operation.WRITE, new RecordingObserver(BLOCKS), RawPeer.INSTANCE);
        InitiatorPlan plan = new InitiatorPlan(
                TransferId.random(),
                1,
                Operation.WRITE,
                node.self,
                node.self,
                new TcpEndpoint("127.0.0.1", 1, 5).encode(),
                blocks,
                node.handles(blocks),
                ChecksumMode.AUTO,
                node.deadline(),
                new RecordingObserver(BLOCKS),
                null);
        assertThat(catchThrowableOfType(
                                TransferException.class,
                                () -> node.backend.prepare(plan, lease.descriptor(), node.deadline()))
                        .code())
                .isEqualTo(TransferErrorCode.PEER_RESTARTED);
    }

    @Test
    void opaqueBytesThatMakeNoSenseAreProtocolErrors() {
        byte[][] nonsense = {{}, {1}, new byte[10], {0, 1, 2, 3, 4, 5, 6, 7, 8}};
        for (byte[] bytes : nonsense) {
            assertProtocolError(() -> TcpProposal.decode(new Proposal(bytes)));
            assertProtocolError(() -> TcpEndpoint.decode(new BackendEndpoint(bytes)));
            assertProtocolError(() -> TcpDescriptor.decode(new Descriptor(bytes)));
        }
        TcpEndpoint endpoint = new TcpEndpoint("fd00::7", 65535, -1);
        assertThat(TcpEndpoint.decode(endpoint.encode())).isEqualTo(endpoint);
        TcpDescriptor descriptor = new TcpDescriptor(-5, new TcpLease(1, new LeaseKey(2, 3, 4)), 6, 1L << 40);
        assertThat(TcpDescriptor.decode(descriptor.encode())).isEqualTo(descriptor);
    }

    private static void assertProtocolError(ThrowingCallable call) {
        assertThat(catchThrowableOfType(TransferException.class, call).code())
                .isEqualTo(TransferErrorCode.PROTOCOL_ERROR);
    }
}
