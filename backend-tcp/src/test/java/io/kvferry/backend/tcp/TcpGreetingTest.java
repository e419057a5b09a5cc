package io.kvferry.backend.tcp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.ChecksumMode;
import io.kvferry.spi.InitiatorPlan;
import io.kvferry.spi.LeaseKey;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import java.lang.foreign.Arena;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Whoever else is on the other end of a connection does no harm, and is told apart. */
class TcpGreetingTest {
    private final TestClock.Virtual clock = TestClock.virtual();
    private final Arena arena = Arena.ofShared();
    private final BlockList blocks = BlockList.uniform(MemoryRegion.host(arena.allocate(64)), 0, 0, 64, 1);
    private TestNode node = node(BackendConfig.DEFAULTS);

    private TestNode node(BackendConfig config) {
        return new TestNode(
                SocketTransport.of(TcpTransportKind.AUTO),
                config.with(TcpConfigKeys.LANES, 1).with(TcpConfigKeys.EVENT_LOOP_THREADS, 1),
                clock);
    }

    @AfterEach
    void close() {
        node.close();
        arena.close();
    }

    @Test
    void garbageClosesItsConnectionOnly() throws Exception {
        byte[] garbage = new byte[100_000];
        new Random(5).nextBytes(garbage);
        byte[][] strangers = {
            garbage,
            ("GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: curious\r\nAccept: */*\r\nConnection: close\r\n\r\n")
                    .getBytes(StandardCharsets.US_ASCII)
        };
        for (byte[] bytes : strangers) {
            try (RawPeer stranger = RawPeer.dial(node)) {
                stranger.send(bytes);
                stranger.awaitClosed();
            }
        }
        assertThat(node.backend.refused()).isEqualTo(strangers.length);
        RawPeer.greet(node).close();
    }

    @Test
    void aTruncatedGreetingHarmsNobody() throws Exception {
        try (RawPeer stranger = RawPeer.dial(node)) {
            stranger.send(new byte[] {0x4B, 0x46, 1});
        }
        RawPeer.greet(node).close();
    }

    @Test
    void aSilentConnectionIsClosedInTime() throws Exception {
        try (RawPeer silent = RawPeer.dial(node);
                RawPeer other = RawPeer.greet(node)) {
            // connections are accepted in order, so the silent one has its timer by now
            clock.advance(TcpConfigKeys.CONNECT_TIMEOUT.defaultValue());
            silent.awaitClosed();
            assertThat(other.socket.isClosed()).isFalse();
        }
    }

    @Test
    void aGreetingForAnEarlierProcessIsAnsweredPeerRestarted() throws Exception {
        try (RawPeer peer = RawPeer.dial(node)) {
            peer.send(RawPeer.hello(12345));
            assertThat(peer.receive().header().count).isEqualTo(TransferErrorCode.PEER_RESTARTED.number());
            peer.awaitClosed();
        }
    }

    @Test
    void anotherProtocolVersionIsAnsweredIncompatiblePeer() throws Exception {
        try (RawPeer peer = RawPeer.dial(node)) {
            FrameHeader hello =
                    RawPeer.hello(TcpEndpoint.decode(node.backend.endpoint()).instance());
            hello.count = FrameHeader.PROTOCOL_VERSION + 1;
            peer.send(hello);
            assertThat(peer.receive().header().count).isEqualTo(TransferErrorCode.INCOMPATIBLE_PEER.number());
            peer.awaitClosed();
        }
    }

    @Test
    void aFrameBeforeTheGreetingClosesTheConnection() throws Exception {
        for (FrameType type : new FrameType[] {FrameType.DATA, FrameType.READ, FrameType.ACK, FrameType.WELCOME}) {
            try (RawPeer peer = RawPeer.dial(node)) {
                peer.send(new FrameHeader().reset(type, 1));
                assertThat(peer.receive().header().count).isEqualTo(TransferErrorCode.PROTOCOL_ERROR.number());
                peer.awaitClosed();
            }
        }
    }

    @Test
    void aSecondGreetingClosesTheConnection() throws Exception {
        try (RawPeer peer = RawPeer.greet(node)) {
            peer.send(RawPeer.hello(TcpEndpoint.decode(node.backend.endpoint()).instance()));
            peer.awaitClosed();
        }
    }

    @Test
    void connectionsPastTheLimitAreRefused() throws Exception {
        try (TestNode small = node(BackendConfig.DEFAULTS.with(TcpConfigKeys.MAX_CONNECTIONS, 1));
                RawPeer first = RawPeer.greet(small);
                RawPeer second = RawPeer.dial(small)) {
            second.awaitClosed();
            assertThat(small.backend.refused()).isEqualTo(1);
            assertThat(first.socket.isConnected()).isTrue();
        }
    }

    @Test
    void anAbsentListenerIsConnectionFailed() throws Exception {
        int port;
        try (ServerSocket listener = RawPeer.listener()) {
            port = listener.getLocalPort();
        }
        TransferException failure =
                catchThrowableOfType(TransferException.class, () -> prepare(port, RawPeer.INSTANCE));
        assertThat(failure.code()).isEqualTo(TransferErrorCode.CONNECTION_FAILED);
    }

    @Test
    void aSilentListenerIsConnectionFailedAfterTheConnectTimeout() throws Exception {
        try (ServerSocket listener = RawPeer.listener()) {
            CompletableFuture<TransferException> failure = prepareFails(listener.getLocalPort());
            try (RawPeer silent = new RawPeer(listener.accept())) {
                assertThat(silent.receive().header().type).isEqualTo(FrameType.HELLO);
                clock.advance(TcpConfigKeys.CONNECT_TIMEOUT.defaultValue());
                assertThat(failure.get(20, TimeUnit.SECONDS).code()).isEqualTo(TransferErrorCode.CONNECTION_FAILED);
            }
        }
    }

    @Test
    void aDeadlineBeforeTheConnectTimeoutIsDeadlineExceeded() throws Exception {
        node.close();
        node = node(BackendConfig.DEFAULTS.with(TcpConfigKeys.CONNECT_TIMEOUT, Duration.ofMinutes(5)));
        try (ServerSocket listener = RawPeer.listener()) {
            CompletableFuture<TransferException> failure = prepareFails(listener.getLocalPort());
            try (RawPeer silent = new RawPeer(listener.accept())) {
                assertThat(silent.receive().header().type).isEqualTo(FrameType.HELLO);
                clock.advance(Duration.ofSeconds(20));
                assertThat(failure.get(20, TimeUnit.SECONDS).code()).isEqualTo(TransferErrorCode.DEADLINE_EXCEEDED);
            }
        }
    }

    @Test
    void anotherProcessOnThePortIsPeerRestarted() throws Exception {
        try (TestNode other = node(BackendConfig.DEFAULTS)) {
            int port = TcpEndpoint.decode(other.backend.endpoint()).port();
            TransferException failure = catchThrowableOfType(TransferException.class, () -> prepare(port, 4711));
            assertThat(failure.code()).isEqualTo(TransferErrorCode.PEER_RESTARTED);
        }
    }

    @Test
    void aServerOfAnotherKindIsAProtocolError() throws Exception {
        try (ServerSocket listener = RawPeer.listener()) {
            CompletableFuture<TransferException> failure = prepareFails(listener.getLocalPort());
            try (RawPeer server = new RawPeer(listener.accept())) {
                server.send("220 mail.example.org ESMTP ready, and this line goes on until it is longer than a header"
                        .getBytes(StandardCharsets.US_ASCII));
                assertThat(failure.get(20, TimeUnit.SECONDS).code()).isEqualTo(TransferErrorCode.PROTOCOL_ERROR);
            }
        }
    }

    private CompletableFuture<TransferException> prepareFails(int port) {
        return CompletableFuture.supplyAsync(
                () -> catchThrowableOfType(TransferException.class, () -> prepare(port, RawPeer.INSTANCE)),
                task -> Thread.ofVirtual().start(task));
    }

    private void prepare(int port, long instance) {
        InitiatorPlan plan = new InitiatorPlan(
                TransferId.random(),
                1,
                Operation.WRITE,
                node.self,
                new PeerIdentity("raw", 1),
                new TcpEndpoint("127.0.0.1", port, instance).encode(),
                blocks,
                node.handles(blocks),
                ChecksumMode.AUTO,
                node.deadline(),
                new RecordingObserver(1),
                null);
        node.backend.prepare(
                plan,
                new TcpDescriptor(instance, new TcpLease(1, new LeaseKey(2, 3, 4)), 1, 64).encode(),
                node.deadline());
    }
}
