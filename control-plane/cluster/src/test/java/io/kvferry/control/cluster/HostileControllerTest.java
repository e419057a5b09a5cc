package io.kvferry.control.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.netty.NettyServerBuilder;
import io.kvferry.conformance.Await;
import io.kvferry.control.cluster.wire.ClusterGrpc;
import io.kvferry.control.cluster.wire.ClusterProto.ControllerFrame;
import io.kvferry.control.cluster.wire.ClusterProto.Registered;
import io.kvferry.control.grpc.ByteMethods;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What a controller sends is not trusted either: each piece of nonsense is a typed error, and the node goes on. */
class HostileControllerTest {
    private static final byte[] GARBAGE = {(byte) 0xff, 1, 2};

    /** What is sent at the beginning of every session, and as the answer to every question. */
    private volatile List<byte[]> frames = List.of();

    private final AtomicInteger sessions = new AtomicInteger();
    private Server server;

    @BeforeEach
    void listen() throws IOException {
        server = NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", 0))
                .directExecutor()
                .addService(ServerServiceDefinition.builder(ClusterGrpc.SERVICE_NAME)
                        .addMethod(ByteMethods.of(ClusterGrpc.getSessionMethod()), session())
                        .addMethod(ByteMethods.of(ClusterGrpc.getLookupMethod()), garbage())
                        .addMethod(ByteMethods.of(ClusterGrpc.getListNodesMethod()), garbage())
                        .build())
                .build()
                .start();
    }

    @AfterEach
    void close() throws InterruptedException {
        server.shutdownNow();
        assertThat(server.awaitTermination(10, TimeUnit.SECONDS)).isTrue();
    }

    private ServerCallHandler<byte[], byte[]> session() {
        return (call, _) -> {
            sessions.incrementAndGet();
            call.sendHeaders(new Metadata());
            frames.forEach(call::sendMessage);
            call.request(1000);
            return new ServerCall.Listener<>() {};
        };
    }

    private static ServerCallHandler<byte[], byte[]> garbage() {
        return (call, _) -> {
            call.request(2);
            return new ServerCall.Listener<>() {
                @Override
                public void onHalfClose() {
                    call.sendHeaders(new Metadata());
                    call.sendMessage(GARBAGE);
                    call.close(Status.OK, new Metadata());
                }
            };
        };
    }

    private PeerAddress address() {
        return new PeerAddress("127.0.0.1", server.getPort());
    }

    private static Deadline soon() {
        return Deadline.after(10, TimeUnit.SECONDS);
    }

    private static byte[] registered(long leaseNanos, long keepAliveNanos) {
        return ControllerFrame.newBuilder()
                .setRegistered(Registered.newBuilder().setLeaseNanos(leaseNanos).setKeepAliveNanos(keepAliveNanos))
                .build()
                .toByteArray();
    }

    private static final long HOUR = Duration.ofHours(1).toNanos();

    static List<List<byte[]>> nonsense() {
        return List.of(
                List.of(GARBAGE),
                List.of(registered(0, 0)),
                List.of(registered(HOUR, -1)),
                // would be a flood of keepalives
                List.of(registered(HOUR, 1)),
                // the lease would end before it is kept alive
                List.of(registered(1_000_000_000L, HOUR)),
                List.of(registered(HOUR, HOUR), registered(HOUR, HOUR)),
                List.of(registered(HOUR, HOUR), GARBAGE),
                List.of(registered(HOUR, HOUR), new byte[5 << 20]));
    }

    @ParameterizedTest
    @MethodSource("nonsense")
    void aSessionOfNonsenseEndsAndIsTriedAgain(List<byte[]> sent) {
        frames = sent;
        try (ClusterClient node = ClusterClient.builder()
                .config(BackendConfig.DEFAULTS
                        .with(ClusterConfigKeys.MAX_RECONNECT_DELAY, Duration.ofMillis(10))
                        .with(ClusterConfigKeys.MAX_MESSAGE_BYTES, 4L << 20))
                .controllers(List.of(address()))
                .registration(Cluster.registration("a", 1))
                .open()) {
            Await.until("it is tried again and again", () -> sessions.get() >= 3);
            assertThat(node.controllers()).extracting(ControllerStatus::problem).allMatch(Optional::isPresent);

            frames = List.of(registered(HOUR, HOUR));

            assertThat(node.awaitRegistered(soon())).isTrue();
            // it would never hear the goodbye
            node.close(Deadline.after(1, TimeUnit.MILLISECONDS));
        }
    }

    @Test
    void anAnswerOfNonsenseIsAProtocolErrorAndAnotherControllerIsAsked() {
        Lookup lookup = Lookup.of(Keys.SCHEME.name(), Keys.range(0, 3), "");
        try (ClusterClient asking =
                ClusterClient.builder().controllers(List.of(address())).open()) {
            assertThat(catchThrowableOfType(TransferException.class, () -> asking.lookup(lookup, soon()))
                            .code())
                    .isEqualTo(TransferErrorCode.PROTOCOL_ERROR);
            assertThat(catchThrowableOfType(TransferException.class, () -> asking.nodes(soon()))
                            .code())
                    .isEqualTo(TransferErrorCode.PROTOCOL_ERROR);
        }
        try (Cluster cluster = new Cluster();
                ClusterClient asking = ClusterClient.builder()
                        .controllers(List.of(address(), cluster.controller.address()))
                        .open()) {
            cluster.node("a", Keys.range(0, 3));

            assertThat(asking.lookup(lookup, soon()).prefixChunks()).isEqualTo(3);
        }
    }

    @Test
    void somethingElseAtTheAddressIsAProblemThatCanBeAskedFor() throws IOException {
        Server other = NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", 0))
                .build()
                .start();
        try (ClusterClient node = ClusterClient.builder()
                .controllers(List.of(new PeerAddress("127.0.0.1", other.getPort())))
                .registration(Cluster.registration("a", 1))
                .open()) {
            Await.until(
                    "it says so", () -> node.controllers().getFirst().problem().isPresent());
            assertThat(node.controllers().getFirst().problem().orElseThrow()).contains("kvferry.cluster.controllers");
        } finally {
            other.shutdownNow();
        }
    }
}
