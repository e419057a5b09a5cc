package io.kvferry.control.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnknownFieldSet;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.netty.NettyChannelBuilder;
import io.kvferry.conformance.Await;
import io.kvferry.control.cluster.wire.ClusterGrpc;
import io.kvferry.control.cluster.wire.ClusterProto.Batch;
import io.kvferry.control.cluster.wire.ClusterProto.ControllerFrame;
import io.kvferry.control.cluster.wire.ClusterProto.GetOrderRequest;
import io.kvferry.control.cluster.wire.ClusterProto.KeepAlive;
import io.kvferry.control.cluster.wire.ClusterProto.NodeFrame;
import io.kvferry.control.cluster.wire.ClusterProto.Register;
import io.kvferry.control.cluster.wire.ClusterProto.SyncBegin;
import io.kvferry.control.cluster.wire.ClusterProto.SyncEnd;
import io.kvferry.control.cluster.wire.ClusterProto.SyncPart;
import io.kvferry.control.cluster.wire.ClusterProto.Tier;
import io.kvferry.control.grpc.ByteMethods;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.TransferErrorCode;
import java.io.IOException;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What arrives on the controller's port is not trusted (R11): counted, answered, and the next one is served. */
class HostileNodeTest {
    /** gRPC tells about each piece of garbage; kept here, since loggers are held weakly. */
    private static final Logger TRANSPORT = Logger.getLogger("io.grpc.netty.NettyServerTransport");

    private final Cluster cluster =
            new Cluster(BackendConfig.DEFAULTS.with(ControllerConfigKeys.MAX_MESSAGE_BYTES, 64L << 10));
    private final ManagedChannel channel = NettyChannelBuilder.forAddress(
                    "127.0.0.1", cluster.controller.address().port())
            .usePlaintext()
            .directExecutor()
            .build();

    @BeforeAll
    static void keepTheOutputReadable() {
        TRANSPORT.setLevel(Level.OFF);
    }

    @AfterEach
    void close() throws InterruptedException {
        channel.shutdownNow();
        assertThat(channel.awaitTermination(10, TimeUnit.SECONDS)).isTrue();
        cluster.close();
    }

    /** A stream or call whose every byte the test chooses. */
    private static final class Raw extends ClientCall.Listener<byte[]> {
        final List<byte[]> received = new CopyOnWriteArrayList<>();
        final CompletableFuture<TransferErrorCode> end = new CompletableFuture<>();
        private final ClientCall<byte[], byte[]> call;

        Raw(ManagedChannel channel, MethodDescriptor<?, ?> method) {
            call = channel.newCall(ByteMethods.of(method), CallOptions.DEFAULT);
            call.start(this, new Metadata());
            call.request(1000);
        }

        Raw send(NodeFrame.Builder frame) {
            return send(frame.build().toByteArray());
        }

        Raw send(byte[] bytes) {
            call.sendMessage(bytes);
            return this;
        }

        @Override
        public void onMessage(byte[] bytes) {
            received.add(bytes);
        }

        @Override
        public void onClose(Status status, Metadata trailers) {
            end.complete(
                    status.isOk()
                            ? TransferErrorCode.OK
                            : ClientErrors.ended(status, trailers, new PeerAddress("test", 1))
                                    .code());
        }

        TransferErrorCode ending() {
            return Await.get("the end of the call", end);
        }

        void awaitFrame(ControllerFrame.KindCase kind) {
            Await.until("a frame " + kind, () -> received.stream().anyMatch(bytes -> kindOf(bytes) == kind));
        }

        private static ControllerFrame.KindCase kindOf(byte[] bytes) {
            try {
                return ControllerFrame.parseFrom(bytes).getKindCase();
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        }
    }

    private Raw session() {
        return new Raw(channel, ClusterGrpc.getSessionMethod());
    }

    private static NodeFrame.Builder register(String id) {
        return NodeFrame.newBuilder().setRegister(WireEncoder.register(Cluster.registration(id, 1)));
    }

    private void assertServes() {
        Raw node = session().send(register("honest"));
        node.awaitFrame(ControllerFrame.KindCase.REGISTERED);
        node.send(NodeFrame.newBuilder().setKeepAlive(KeepAlive.getDefaultInstance()));
        node.awaitFrame(ControllerFrame.KindCase.KEPT_ALIVE);
    }

    private void throwAt(byte[] bytes) throws IOException {
        try (Socket socket =
                new Socket("127.0.0.1", cluster.controller.address().port())) {
            socket.setSoTimeout(20_000);
            socket.getOutputStream().write(bytes);
            socket.shutdownOutput();
            byte[] buffer = new byte[4096];
            int read = 0;
            while (read >= 0) {
                read = socket.getInputStream().read(buffer);
            }
        } catch (SocketException reset) {
            assertThat(reset).hasMessageFindingMatch("reset|pipe|closed");
        }
    }

    @Test
    void required_lesson6_garbageAndHttpOnThePortAreCountedAndClosed() throws IOException {
        Random random = new Random(20260102);
        for (int round = 0; round < 20; round++) {
            byte[] garbage = new byte[1 + random.nextInt(5000)];
            random.nextBytes(garbage);
            throwAt(garbage);
        }
        throwAt("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(StandardCharsets.US_ASCII));

        Await.until("they are counted", () -> cluster.counter("useless-connections") == 21);
        assertServes();
    }

    @Test
    void required_lesson6_undecodableFramesEndTheirSessionAndNothingElse() {
        assertThat(session().send(new byte[] {(byte) 0xff, 1, 2}).ending()).isEqualTo(TransferErrorCode.PROTOCOL_ERROR);

        Raw node = session().send(register("a"));
        node.awaitFrame(ControllerFrame.KindCase.REGISTERED);
        assertThat(node.send(new byte[] {(byte) 0xff, 1, 2}).ending()).isEqualTo(TransferErrorCode.PROTOCOL_ERROR);

        assertThat(cluster.counter("undecodable")).isEqualTo(2);
        // its lease goes on: it may come back
        assertThat(cluster.state("a")).isEqualTo(NodeState.LIVE);
        assertServes();
    }

    @Test
    void framesOutOfOrderAreRefused() {
        NodeFrame.Builder begin = NodeFrame.newBuilder().setSyncBegin(SyncBegin.getDefaultInstance());
        NodeFrame.Builder end = NodeFrame.newBuilder().setSyncEnd(SyncEnd.getDefaultInstance());
        NodeFrame.Builder part =
                NodeFrame.newBuilder().setSyncPart(SyncPart.newBuilder().setTier(Tier.TIER_HOST));

        assertThat(session().send(begin).ending()).isEqualTo(TransferErrorCode.PROTOCOL_ERROR);
        assertThat(session().send(register("a")).send(end).ending()).isEqualTo(TransferErrorCode.PROTOCOL_ERROR);
        assertThat(session().send(register("b")).send(part).ending()).isEqualTo(TransferErrorCode.PROTOCOL_ERROR);
        assertThat(session().send(register("c")).send(register("c")).ending())
                .isEqualTo(TransferErrorCode.PROTOCOL_ERROR);
        assertServes();
    }

    @Test
    void halfAKeyIsRefusedAndChangesNothing() {
        Raw node = session()
                .send(register("a"))
                .send(NodeFrame.newBuilder().setSyncBegin(SyncBegin.getDefaultInstance()))
                .send(NodeFrame.newBuilder()
                        .setSyncPart(SyncPart.newBuilder()
                                .setTier(Tier.TIER_HOST)
                                .setKeys(WireEncoder.keys(Keys.range(0, 3)))))
                .send(NodeFrame.newBuilder().setSyncEnd(SyncEnd.getDefaultInstance()));
        node.awaitFrame(ControllerFrame.KindCase.APPLIED);

        node.send(NodeFrame.newBuilder()
                .setBatch(Batch.newBuilder()
                        .setSequence(1)
                        .setTier(Tier.TIER_HOST)
                        .setAdmitted(ByteString.copyFrom(new byte[33]))));

        assertThat(node.ending()).isEqualTo(TransferErrorCode.PROTOCOL_ERROR);
        assertThat(cluster.lookup(Keys.range(0, 9)).prefixChunks()).isEqualTo(3);
        assertServes();
    }

    @Test
    void framesOfALaterVersionAreIgnored() {
        Raw node = session().send(register("a"));
        node.awaitFrame(ControllerFrame.KindCase.REGISTERED);

        // field 100, a kind that nobody knows yet
        node.send(new byte[] {(byte) 0xa2, 0x06, 0x01, 0x00});
        node.send(NodeFrame.newBuilder().setKeepAlive(KeepAlive.getDefaultInstance()));

        node.awaitFrame(ControllerFrame.KindCase.KEPT_ALIVE);
        assertThat(cluster.counter("unknown-frames")).isEqualTo(1);
    }

    @Test
    void registrationsOfEarlierAndLaterVersionsAreTakenWithWhatTheyHave() {
        Register whole = WireEncoder.register(Cluster.registration("old", 1));
        Register earliest = Register.newBuilder()
                .setSelf(whole.getSelf())
                .setScheme(whole.getScheme())
                .build();
        // field 100 of a later version
        Register later = whole.toBuilder()
                .setSelf(whole.getSelf().toBuilder().setNodeId("new"))
                .setSchemaVersion(99)
                .setUnknownFields(UnknownFieldSet.newBuilder()
                        .addField(
                                100,
                                UnknownFieldSet.Field.newBuilder().addVarint(7).build())
                        .build())
                .build();

        session().send(NodeFrame.newBuilder().setRegister(earliest)).awaitFrame(ControllerFrame.KindCase.REGISTERED);
        session().send(NodeFrame.newBuilder().setRegister(later)).awaitFrame(ControllerFrame.KindCase.REGISTERED);

        assertThat(cluster.controller.nodes())
                .extracting(node -> node.registration().schemaVersion())
                .containsExactlyInAnyOrder(1, 99);
    }

    @Test
    void required_R12_aFrameOverTheLimitBreaksItsSessionUnread() {
        Raw node = session().send(register("a"));
        node.awaitFrame(ControllerFrame.KindCase.REGISTERED);

        node.send(new byte[(64 << 10) + 1]);

        // gRPC resets the stream before anybody reads the frame
        assertThat(node.ending()).isEqualTo(TransferErrorCode.CONTROL_FAILED);
        Await.until("it is counted", () -> cluster.counter("oversized") == 1);
        assertServes();
    }

    @Test
    void required_R1_aSessionThatNeverRegistersEnds() {
        Raw silent = session();
        assertServes();

        cluster.ticker.advance(ControllerConfigKeys.DEFAULT_TIMEOUT.defaultValue());

        assertThat(silent.ending()).isEqualTo(TransferErrorCode.DEADLINE_EXCEEDED);
    }

    @Test
    void aRegistrationThatMeansNothingIsRefusedByField() {
        Raw node = session().send(NodeFrame.newBuilder().setRegister(Register.getDefaultInstance()));

        assertThat(node.ending()).isEqualTo(TransferErrorCode.PROTOCOL_ERROR);
        assertServes();
    }

    @Test
    void undecodableRequestsAreAnsweredAndCounted() {
        for (MethodDescriptor<?, ?> method : List.of(
                ClusterGrpc.getLookupMethod(), ClusterGrpc.getPlaceOrderMethod(), ClusterGrpc.getGetOrderMethod())) {
            Raw call = new Raw(channel, method).send(new byte[] {(byte) 0xff, 1, 2});
            call.call.halfClose();
            assertThat(call.ending()).isEqualTo(TransferErrorCode.PROTOCOL_ERROR);
        }
        assertThat(cluster.counter("undecodable")).isEqualTo(3);
        assertServes();
    }

    @Test
    void aCallWithoutADeadlineGetsTheControllersOwn() {
        Cluster.TestNode node = cluster.node("a", Keys.of(1));
        OrderStatus placed = cluster.controller.order(
                new OrderRequest(new OrderAction.Health(), List.of(), Duration.ofHours(1)), cluster.soon());
        Raw call = new Raw(channel, ClusterGrpc.getGetOrderMethod());
        call.send(GetOrderRequest.newBuilder()
                .setId(placed.id())
                .setWait(true)
                .build()
                .toByteArray());
        call.call.halfClose();

        Await.advancing("the call ends", cluster.ticker, Duration.ofSeconds(1), () -> {
            node.keepAlive();
            return call.end.isDone();
        });
        assertThat(call.ending()).isEqualTo(TransferErrorCode.DEADLINE_EXCEEDED);
    }

    @Test
    void aWatcherSeesWhatHappensToNodes() {
        Raw watcher = new Raw(channel, ClusterGrpc.getWatchMethod()).send(new byte[0]);
        watcher.call.halfClose();
        Await.until("the watcher is there", () -> {
            cluster.node("a", Keys.of(1)).session().deregister(cluster.soon());
            return !watcher.received.isEmpty();
        });
    }
}
