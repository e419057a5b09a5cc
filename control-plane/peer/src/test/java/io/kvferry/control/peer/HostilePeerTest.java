package io.kvferry.control.peer;

import static io.kvferry.control.peer.PeerCallTest.replyOf;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.grpc.CallOptions;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.InsecureServerCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCalls;
import io.kvferry.control.grpc.ErrorCodec;
import io.kvferry.control.grpc.PortCounters;
import io.kvferry.control.grpc.wire.CommonProto;
import io.kvferry.control.peer.wire.PeerControlGrpc;
import io.kvferry.control.peer.wire.PeerProto;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import java.io.IOException;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What arrives on the port is not trusted (R11), and clients that are not ours are served by the contract. */
class HostilePeerTest {
    /** gRPC tells about each piece of garbage; kept here, since loggers are held weakly. */
    private static final Logger TRANSPORT = Logger.getLogger("io.grpc.netty.NettyServerTransport");

    private final TestNode target = new TestNode();
    private final TestNode initiator = new TestNode();
    private final ManagedChannel foreign = Grpc.newChannelBuilder(
                    target.address().toString(), InsecureChannelCredentials.create())
            .directExecutor()
            .build();

    @BeforeAll
    static void keepTheOutputReadable() {
        TRANSPORT.setLevel(Level.OFF);
    }

    @AfterEach
    void closeAll() throws InterruptedException {
        foreign.shutdownNow();
        assertThat(foreign.awaitTermination(10, TimeUnit.SECONDS)).isTrue();
        initiator.close();
        target.close();
    }

    private void assertServes() throws Exception {
        assertThat(replyOf(initiator.control().call(target.address(), Samples.PREPARE, TestNode.seconds(20))))
                .isEqualTo(Samples.PREPARED);
    }

    /** Sends bytes and reads until the other side closes. */
    private void throwAt(byte[] bytes) throws IOException {
        try (Socket socket =
                new Socket(target.address().host(), target.address().port())) {
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
    void stochastic_R11_garbageOnThePortIsCountedAndClosed() throws Exception {
        Random random = new Random(20260102);
        for (int round = 0; round < 30; round++) {
            byte[] garbage = new byte[1 + random.nextInt(5000)];
            random.nextBytes(garbage);
            throwAt(garbage);
        }

        assertServes();
        assertThat(target.control().counters().sum(PortCounters.Kind.USELESS_CONNECTIONS))
                .isPositive();
    }

    @Test
    void stochastic_R11_garbageBehindARightBeginningIsClosed() throws Exception {
        Random random = new Random(20260103);
        byte[] preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII);
        for (int round = 0; round < 30; round++) {
            byte[] garbage = new byte[preface.length + 1 + random.nextInt(2000)];
            random.nextBytes(garbage);
            System.arraycopy(preface, 0, garbage, 0, preface.length);
            throwAt(garbage);
        }

        assertServes();
    }

    @Test
    void required_R11_anHttpRequestOnThePortIsClosed() throws Exception {
        throwAt("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(StandardCharsets.US_ASCII));

        assertServes();
    }

    @Test
    void required_R17_connectionsPastTheBoundAreClosedAndCounted() throws Exception {
        try (TestNode small = new TestNode(BackendConfig.DEFAULTS.with(PeerConfigKeys.MAX_CONNECTIONS, 1));
                Socket first = new Socket("127.0.0.1", small.address().port());
                Socket second = new Socket("127.0.0.1", small.address().port())) {
            second.setSoTimeout(20_000);
            int end;
            try {
                end = second.getInputStream().read();
            } catch (SocketException reset) {
                end = -1;
            }
            assertThat(end).isEqualTo(-1);
            assertThat(first.isClosed()).isFalse();
            assertThat(small.control().counters().sum(PortCounters.Kind.REFUSED_CONNECTIONS))
                    .isEqualTo(1);
        }
    }

    @Test
    void required_R11_anUndecodableRequestIsAnsweredAndCounted() throws Exception {
        StatusRuntimeException failure = catchThrowableOfType(
                StatusRuntimeException.class,
                () -> ClientCalls.blockingUnaryCall(
                        foreign,
                        PeerMethod.PREPARE.descriptor(),
                        CallOptions.DEFAULT.withDeadlineAfter(20, TimeUnit.SECONDS),
                        new byte[] {1, 2, 3}));

        assertThat(ErrorCodec.fromTrailers(trailersOf(failure), Stage.PREPARE).code())
                .isEqualTo(TransferErrorCode.PROTOCOL_ERROR);
        assertThat(target.control().counters().sum(PortCounters.Kind.UNDECODABLE))
                .isEqualTo(1);
        assertServes();
    }

    @Test
    void required_R11_aReplyThatCannotBeDecodedIsAProtocolError() {
        target.answering((request, deadline) -> CompletableFuture.completedFuture(
                // a kind of reply that this request never has
                new PeerReply.Notified(Samples.NOTIFIED.payload())));

        assertThat(PeerCallTest.failureOf(
                                initiator.control().call(target.address(), Samples.PREPARE, TestNode.seconds(20)))
                        .code())
                .isEqualTo(TransferErrorCode.PROTOCOL_ERROR);
        assertThat(initiator.control().counters().sum(PortCounters.Kind.UNDECODABLE))
                .isEqualTo(1);
    }

    @Test
    void aClientGeneratedFromTheContractIsServed() {
        PeerProto.FinishReply reply = PeerControlGrpc.newBlockingStub(foreign)
                .withDeadlineAfter(20, TimeUnit.SECONDS)
                .finish(PeerProto.FinishRequest.newBuilder()
                        .setId(PeerProto.TransferId.newBuilder().setHigh(1).setLow(2))
                        .setAttempt(1)
                        .setSelf(CommonProto.NodeIdentity.newBuilder().setNodeId("other"))
                        .setOutcome(PeerProto.Outcome.OUTCOME_FAILED)
                        .build());

        assertThat(reply.getOutcome()).isEqualTo(PeerProto.Outcome.OUTCOME_FAILED);
        assertThat(reply.getError().getNumber()).isEqualTo(16);
    }

    @Test
    void required_R1_aCallWithoutADeadlineGetsTheTargetsOwn() throws Exception {
        try (TestNode impatient =
                new TestNode(BackendConfig.DEFAULTS.with(PeerConfigKeys.DEFAULT_TIMEOUT, Duration.ofMillis(200)))) {
            impatient.answering((request, deadline) -> new CompletableFuture<>());
            ManagedChannel channel = Grpc.newChannelBuilder(
                            impatient.address().toString(), InsecureChannelCredentials.create())
                    .directExecutor()
                    .build();
            StatusRuntimeException failure = catchThrowableOfType(
                    StatusRuntimeException.class,
                    () -> ClientCalls.blockingUnaryCall(
                            channel,
                            PeerMethod.CANCEL.descriptor(),
                            CallOptions.DEFAULT,
                            MessageEncoder.encode(Samples.CANCEL)));
            channel.shutdownNow();

            assertThat(ErrorCodec.fromTrailers(trailersOf(failure), Stage.PREPARE)
                            .code())
                    .isEqualTo(TransferErrorCode.DEADLINE_EXCEEDED);
        }
    }

    @Test
    void required_R8_whatIsNoPeerIsNotReportedAsNotFound() throws Exception {
        Server other = Grpc.newServerBuilderForPort(0, InsecureServerCredentials.create())
                .directExecutor()
                .build()
                .start();
        try {
            assertThat(PeerCallTest.failureOf(initiator
                                    .control()
                                    .call(
                                            new PeerAddress("127.0.0.1", other.getPort()),
                                            Samples.HELLO,
                                            TestNode.seconds(20)))
                            .code())
                    .isEqualTo(TransferErrorCode.INCOMPATIBLE_PEER);
        } finally {
            other.shutdownNow();
            assertThat(other.awaitTermination(10, TimeUnit.SECONDS)).isTrue();
        }
    }

    private static Metadata trailersOf(StatusRuntimeException failure) {
        assertThat(failure.getTrailers()).isNotNull();
        return failure.getTrailers();
    }
}
