package io.kvferry.control.peer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.kvferry.control.grpc.PortCounters;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Requests and replies between two nodes on loopback. */
class PeerCallTest {
    static List<PeerRequest<?>> requests() {
        return Samples.REQUESTS;
    }

    static TransferException failureOf(CompletableFuture<?> reply) {
        ExecutionException failure =
                catchThrowableOfType(ExecutionException.class, () -> reply.get(20, TimeUnit.SECONDS));
        assertThat(failure.getCause()).isInstanceOf(TransferException.class);
        return (TransferException) failure.getCause();
    }

    static <R extends PeerReply> R replyOf(CompletableFuture<R> reply) throws Exception {
        return reply.get(20, TimeUnit.SECONDS);
    }

    @ParameterizedTest
    @MethodSource("requests")
    void everyRequestArrivesAsItWasSentAndSoDoesItsReply(PeerRequest<?> request) throws Exception {
        AtomicReference<PeerRequest<?>> arrived = new AtomicReference<>();
        try (TestNode initiator = new TestNode();
                TestNode target = new TestNode().answering((received, deadline) -> {
                    arrived.set(received);
                    return CompletableFuture.completedFuture(Samples.replyTo(received));
                })) {
            PeerReply reply = replyOf(initiator.control().call(target.address(), request, TestNode.seconds(20)));

            assertThat(arrived.get()).isEqualTo(request);
            assertThat(reply).isEqualTo(Samples.replyTo(request));
        }
    }

    @ParameterizedTest
    @EnumSource(
            names = {"OK", "UNRECOGNIZED"},
            mode = EnumSource.Mode.EXCLUDE)
    void required_R7_everyRefusalArrivesWithAllItSays(TransferErrorCode code) {
        TransferError refusal = new TransferError(
                code, code.number(), Stage.PREPARE, Side.TARGET, "prefill-0@h:1", false, "who and why ü");
        try (TestNode initiator = new TestNode();
                TestNode target = new TestNode()
                        .answering((request, deadline) ->
                                CompletableFuture.failedFuture(new TransferException(refusal)))) {
            TransferException failure =
                    failureOf(initiator.control().call(target.address(), Samples.PREPARE, TestNode.seconds(20)));

            assertThat(failure.error()).isEqualTo(refusal);
        }
    }

    @Test
    void required_R7_aCodeOfALaterVersionKeepsItsNumber() {
        TransferError refusal = new TransferError(
                TransferErrorCode.UNRECOGNIZED, 4711, Stage.SUBMIT, Side.TARGET, "", true, "from the future");
        try (TestNode initiator = new TestNode();
                TestNode target = new TestNode().answering((request, deadline) -> {
                    throw new TransferException(refusal);
                })) {
            assertThat(failureOf(initiator.control().call(target.address(), Samples.FINISH, TestNode.seconds(20)))
                            .error())
                    .isEqualTo(refusal);
        }
    }

    @Test
    void required_R11_anExceptionOfTheServiceIsAnswteredAndCounted() throws Exception {
        try (TestNode initiator = new TestNode();
                TestNode target = new TestNode().answering((request, deadline) -> {
                    throw new IllegalStateException("a bug");
                })) {
            assertThat(failureOf(initiator.control().call(target.address(), Samples.CANCEL, TestNode.seconds(20)))
                            .code())
                    .isEqualTo(TransferErrorCode.INTERNAL);
            target.answering((request, deadline) -> CompletableFuture.failedFuture(new StackOverflowError()));
            assertThat(failureOf(initiator.control().call(target.address(), Samples.CANCEL, TestNode.seconds(20)))
                            .code())
                    .isEqualTo(TransferErrorCode.INTERNAL);
            target.answering((request, deadline) -> CompletableFuture.completedFuture(null));
            assertThat(failureOf(initiator.control().call(target.address(), Samples.CANCEL, TestNode.seconds(20)))
                            .code())
                    .isEqualTo(TransferErrorCode.INTERNAL);
            assertThat(target.control().counters().sum(PortCounters.Kind.INTERNAL_ERRORS))
                    .isEqualTo(3);

            target.answering((request, deadline) -> CompletableFuture.completedFuture(Samples.replyTo(request)));
            assertThat(replyOf(initiator.control().call(target.address(), Samples.CANCEL, TestNode.seconds(20))))
                    .isEqualTo(PeerReply.Ack.INSTANCE);
        }
    }
}
