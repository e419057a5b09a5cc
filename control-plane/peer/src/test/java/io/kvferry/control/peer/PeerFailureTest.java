package io.kvferry.control.peer;

import static io.kvferry.control.peer.PeerCallTest.failureOf;
import static io.kvferry.control.peer.PeerCallTest.replyOf;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvferry.control.grpc.PortCounters;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** What happens to calls when peers are slow, dead, frozen, full or gone. */
class PeerFailureTest {
    private static CompletableFuture<PeerReply> never() {
        return new CompletableFuture<>();
    }

    @Test
    void required_R1_aCallToAPeerThatDoesNotAnswerEndsAtItsDeadline() {
        try (TestNode initiator = new TestNode();
                TestNode target = new TestNode().answering((request, deadline) -> never())) {
            TransferException failure = failureOf(initiator
                    .control()
                    .call(target.address(), Samples.PREPARE, Deadline.after(Duration.ofMillis(200))));

            assertThat(failure.code()).isEqualTo(TransferErrorCode.DEADLINE_EXCEEDED);
            assertThat(failure.error().peer()).isEqualTo(target.address().toString());
        }
    }

    @Test
    void required_R3_aCallEndsByTheClockItsDeadlineIsOn() {
        AtomicLong now = new AtomicLong();
        try (TestNode initiator = new TestNode(BackendConfig.DEFAULTS, now::get);
                TestNode target = new TestNode().answering((request, deadline) -> never())) {
            CompletableFuture<PeerReply.Prepared> reply = initiator
                    .control()
                    .call(target.address(), Samples.PREPARE, Deadline.after(Duration.ofHours(1), now::get));
            initiator.scheduler().runDue();
            assertThat(reply).isNotDone();

            now.set(Duration.ofHours(1).toNanos());
            initiator.scheduler().runDue();

            assertThat(reply).isCompletedExceptionally();
            assertThat(failureOf(reply).code()).isEqualTo(TransferErrorCode.DEADLINE_EXCEEDED);
        }
    }

    @Test
    void aCallThatEndedLeavesNothingOnTheScheduler() throws Exception {
        AtomicLong now = new AtomicLong();
        try (TestNode initiator = new TestNode(BackendConfig.DEFAULTS, now::get);
                TestNode target = new TestNode()) {
            replyOf(initiator
                    .control()
                    .call(target.address(), Samples.FINISH, Deadline.after(Duration.ofHours(1), now::get)));

            // who waits for the reply may be woken just before the timer is taken back
            Deadline patience = Deadline.after(Duration.ofSeconds(10));
            while (initiator.scheduler().waiting() > 0) {
                assertThat(patience.isExpired()).as("the timer is taken back").isFalse();
                Thread.onSpinWait();
            }
        }
    }

    @Test
    void required_R1_aCallWhoseDeadlineHasPassedIsNotMade() {
        try (TestNode initiator = new TestNode()) {
            TransferException failure = failureOf(initiator
                    .control()
                    .call(new PeerAddress("127.0.0.1", 1), Samples.CANCEL, Deadline.after(Duration.ZERO)));

            assertThat(failure.code()).isEqualTo(TransferErrorCode.DEADLINE_EXCEEDED);
        }
    }

    @Test
    void required_R2_theTargetSeesTheTimeThatRemains() throws Exception {
        CompletableFuture<Long> remaining = new CompletableFuture<>();
        try (TestNode initiator = new TestNode();
                TestNode target = new TestNode().answering((request, deadline) -> {
                    remaining.complete(deadline.remainingNanos());
                    return CompletableFuture.completedFuture(Samples.replyTo(request));
                })) {
            replyOf(initiator.control().call(target.address(), Samples.PART, TestNode.seconds(50)));

            assertThat(Duration.ofNanos(remaining.get(20, TimeUnit.SECONDS)))
                    .isBetween(Duration.ofSeconds(20), Duration.ofSeconds(50));
        }
    }

    @Test
    void required_R12_aLateReplyIsNotTakenForTheNextRequests() throws Exception {
        CompletableFuture<PeerReply> late = new CompletableFuture<>();
        try (TestNode initiator = new TestNode();
                TestNode target = new TestNode().answering((request, deadline) -> late)) {
            CompletableFuture<PeerReply.Notified> first = initiator
                    .control()
                    .call(target.address(), Samples.notifyOf(1), Deadline.after(Duration.ofMillis(200)));
            assertThat(failureOf(first).code()).isEqualTo(TransferErrorCode.DEADLINE_EXCEEDED);

            target.answering((request, deadline) -> {
                late.complete(new PeerReply.Notified(Samples.notifyOf(1).payload()));
                return CompletableFuture.completedFuture(
                        new PeerReply.Notified(Samples.notifyOf(2).payload()));
            });
            PeerReply.Notified second =
                    replyOf(initiator.control().call(target.address(), Samples.notifyOf(2), TestNode.seconds(20)));

            assertThat(second.payload()).isEqualTo(Samples.notifyOf(2).payload());
        }
    }

    @Test
    void manyCallersGetTheirOwnReplies() throws Exception {
        try (TestNode initiator = new TestNode();
                TestNode target = new TestNode()
                        .answering((request, deadline) -> CompletableFuture.completedFuture(
                                new PeerReply.Notified(((PeerRequest.Notify) request).payload())))) {
            List<CompletableFuture<?>> callers = new ArrayList<>();
            for (int caller = 0; caller < 64; caller++) {
                int first = caller * 100;
                callers.add(CompletableFuture.runAsync(
                        () -> {
                            for (int i = first; i < first + 100; i++) {
                                PeerReply.Notified reply = initiator
                                        .control()
                                        .call(target.address(), Samples.notifyOf(i), TestNode.seconds(20))
                                        .join();
                                assertThat(reply.payload())
                                        .isEqualTo(Samples.notifyOf(i).payload());
                            }
                        },
                        task -> Thread.ofVirtual().start(task)));
            }
            CompletableFuture.allOf(callers.toArray(CompletableFuture[]::new)).get(40, TimeUnit.SECONDS);
        }
    }

    @Test
    void aRefusedConnectionFailsAtOnceAndSaysWhatToDo() throws IOException {
        int unused;
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
            unused = socket.getLocalPort();
        }
        try (TestNode initiator = new TestNode()) {
            PeerAddress nobody = new PeerAddress("127.0.0.1", unused);
            TransferException failure =
                    failureOf(initiator.control().call(nobody, Samples.HELLO, TestNode.seconds(600)));

            assertThat(failure.code()).isEqualTo(TransferErrorCode.CONTROL_FAILED);
            assertThat(failure.error().peer()).isEqualTo(nobody.toString());
            assertThat(failure.error().detail()).contains("kvferry.peer.port");
        }
    }

    @Test
    void required_R13_aPeerThatComesBackIsReachedByTheNextCall() throws Exception {
        try (TestNode initiator = new TestNode()) {
            PeerAddress address;
            try (TestNode target = new TestNode()) {
                address = target.address();
                replyOf(initiator.control().call(address, Samples.CANCEL, TestNode.seconds(20)));
            }
            assertThat(failureOf(initiator.control().call(address, Samples.CANCEL, TestNode.seconds(20)))
                            .code())
                    .isEqualTo(TransferErrorCode.CONTROL_FAILED);
            try (TestNode restarted = new TestNode(BackendConfig.DEFAULTS.with(PeerConfigKeys.PORT, address.port()))) {
                assertThat(replyOf(initiator.control().call(restarted.address(), Samples.CANCEL, TestNode.seconds(20))))
                        .isEqualTo(PeerReply.Ack.INSTANCE);
            }
        }
    }

    @Test
    void aPeerThatDiesFailsTheCallsUnderWay() throws Exception {
        CountDownLatch arrived = new CountDownLatch(1);
        try (TestNode initiator = new TestNode()) {
            TestNode target = new TestNode().answering((request, deadline) -> {
                arrived.countDown();
                return never();
            });
            CompletableFuture<PeerReply.Prepared> reply =
                    initiator.control().call(target.address(), Samples.PREPARE, TestNode.seconds(600));
            assertThat(arrived.await(20, TimeUnit.SECONDS)).isTrue();
            target.close();

            assertThat(failureOf(reply).code()).isEqualTo(TransferErrorCode.CONTROL_FAILED);
        }
    }

    @Test
    void forgettingAPeerFailsTheCallsUnderWayAndTheNextDialsAnew() throws Exception {
        CountDownLatch arrived = new CountDownLatch(1);
        try (TestNode initiator = new TestNode();
                TestNode target = new TestNode().answering((request, deadline) -> {
                    arrived.countDown();
                    return never();
                })) {
            CompletableFuture<PeerReply.Prepared> reply =
                    initiator.control().call(target.address(), Samples.PREPARE, TestNode.seconds(600));
            assertThat(arrived.await(20, TimeUnit.SECONDS)).isTrue();
            initiator.control().forget(target.address());
            assertThat(failureOf(reply).code()).isEqualTo(TransferErrorCode.CONTROL_FAILED);

            target.answering((request, deadline) -> CompletableFuture.completedFuture(Samples.replyTo(request)));
            assertThat(replyOf(initiator.control().call(target.address(), Samples.PREPARE, TestNode.seconds(20))))
                    .isEqualTo(Samples.PREPARED);
        }
    }

    @Test
    void required_R14_aFrozenPeerDelaysNoOther() throws Exception {
        try (TestNode initiator = new TestNode();
                TestNode target = new TestNode();
                ServerSocket frozen = new ServerSocket(0, 10, InetAddress.getByName("127.0.0.1"))) {
            PeerAddress silent = new PeerAddress("127.0.0.1", frozen.getLocalPort());
            CompletableFuture<PeerReply.Finished> stuck =
                    initiator.control().call(silent, Samples.FINISH, Deadline.after(Duration.ofMillis(700)));
            try (Socket accepted = frozen.accept()) {
                for (int i = 0; i < 20; i++) {
                    replyOf(initiator.control().call(target.address(), Samples.FINISH, TestNode.seconds(20)));
                }
                assertThat(failureOf(stuck).code()).isEqualTo(TransferErrorCode.DEADLINE_EXCEEDED);
                assertThat(accepted.isConnected()).isTrue();
            }
        }
    }

    @Test
    void required_R17_callsPastTheTargetsBoundAreRefusedAndThePlaceIsGivenBack() throws Exception {
        CompletableFuture<PeerReply> held = new CompletableFuture<>();
        CountDownLatch arrived = new CountDownLatch(1);
        try (TestNode initiator = new TestNode();
                TestNode target = new TestNode(BackendConfig.DEFAULTS.with(PeerConfigKeys.MAX_INBOUND_CALLS, 1))
                        .answering((request, deadline) -> {
                            arrived.countDown();
                            return held;
                        })) {
            CompletableFuture<PeerReply.Prepared> first =
                    initiator.control().call(target.address(), Samples.PREPARE, TestNode.seconds(30));
            assertThat(arrived.await(20, TimeUnit.SECONDS)).isTrue();
            TransferException refusal =
                    failureOf(initiator.control().call(target.address(), Samples.PREPARE, TestNode.seconds(20)));
            assertThat(refusal.code()).isEqualTo(TransferErrorCode.RESOURCE_EXHAUSTED);
            assertThat(refusal.error().detail()).contains("kvferry.peer.max-inbound-calls");
            assertThat(target.control().counters().sum(PortCounters.Kind.REFUSED_CALLS))
                    .isEqualTo(1);

            held.complete(Samples.PREPARED);
            assertThat(replyOf(first)).isEqualTo(Samples.PREPARED);
            assertThat(replyOf(initiator.control().call(target.address(), Samples.PREPARE, TestNode.seconds(20))))
                    .isEqualTo(Samples.PREPARED);
        }
    }

    @Test
    void required_R17_callsToOnePeerAreBoundedAtTheInitiator() {
        try (TestNode initiator = new TestNode(BackendConfig.DEFAULTS.with(PeerConfigKeys.MAX_CALLS_PER_PEER, 2));
                TestNode target = new TestNode().answering((request, deadline) -> never())) {
            initiator.control().call(target.address(), Samples.CANCEL, TestNode.seconds(30));
            initiator.control().call(target.address(), Samples.CANCEL, TestNode.seconds(30));
            TransferException refusal =
                    failureOf(initiator.control().call(target.address(), Samples.CANCEL, TestNode.seconds(30)));

            assertThat(refusal.code()).isEqualTo(TransferErrorCode.RESOURCE_EXHAUSTED);
            assertThat(refusal.error().detail()).contains("kvferry.peer.max-calls-per-peer");
        }
    }

    @Test
    void required_R17_connectionsAreBoundedAndOnlyIdleOnesGo() throws Exception {
        try (TestNode initiator = new TestNode(BackendConfig.DEFAULTS.with(PeerConfigKeys.MAX_CONNECTIONS, 1));
                TestNode idle = new TestNode();
                TestNode busy = new TestNode().answering((request, deadline) -> never())) {
            replyOf(initiator.control().call(idle.address(), Samples.CANCEL, TestNode.seconds(20)));
            initiator.control().call(busy.address(), Samples.CANCEL, TestNode.seconds(30));
            TransferException refusal =
                    failureOf(initiator.control().call(idle.address(), Samples.CANCEL, TestNode.seconds(30)));

            assertThat(refusal.code()).isEqualTo(TransferErrorCode.RESOURCE_EXHAUSTED);
            assertThat(refusal.error().detail()).contains("kvferry.peer.max-connections");
        }
    }

    @Test
    void required_R12_aMessageOverTheSendersLimitIsNotSent() {
        try (TestNode initiator = new TestNode(BackendConfig.DEFAULTS.with(PeerConfigKeys.MAX_MESSAGE_BYTES, 4096L));
                TestNode target = new TestNode()) {
            TransferException refusal = failureOf(
                    initiator.control().call(target.address(), Samples.prepareOf(10_000), TestNode.seconds(20)));

            assertThat(refusal.code()).isEqualTo(TransferErrorCode.RESOURCE_EXHAUSTED);
            assertThat(refusal.error().detail()).contains("> kvferry.peer.max-message-bytes=4096");
        }
    }

    @Test
    void required_R12_aMessageOverTheReceiversLimitIsRefusedAndTheConnectionLives() throws Exception {
        try (TestNode initiator = new TestNode();
                TestNode target = new TestNode(BackendConfig.DEFAULTS.with(PeerConfigKeys.MAX_MESSAGE_BYTES, 4096L))) {
            TransferException refusal = failureOf(
                    initiator.control().call(target.address(), Samples.prepareOf(10_000), TestNode.seconds(20)));

            assertThat(refusal.code()).isEqualTo(TransferErrorCode.RESOURCE_EXHAUSTED);
            assertThat(refusal.error().detail()).contains("kvferry.peer.max-message-bytes");
            assertThat(target.control().counters().sum(PortCounters.Kind.INCOMPLETE_CALLS))
                    .isEqualTo(1);
            assertThat(replyOf(initiator.control().call(target.address(), Samples.PREPARE, TestNode.seconds(20))))
                    .isEqualTo(Samples.PREPARED);
        }
    }

    @Test
    void required_R20_closeFailsCallsUnderWayAndRefusesNewOnes() throws Exception {
        CountDownLatch arrived = new CountDownLatch(1);
        try (TestNode target = new TestNode().answering((request, deadline) -> {
            arrived.countDown();
            return never();
        })) {
            TestNode initiator = new TestNode();
            CompletableFuture<PeerReply.Prepared> reply =
                    initiator.control().call(target.address(), Samples.PREPARE, TestNode.seconds(600));
            assertThat(arrived.await(20, TimeUnit.SECONDS)).isTrue();
            initiator.close();
            initiator.close();

            assertThat(failureOf(reply).code()).isEqualTo(TransferErrorCode.CONTROL_FAILED);
            assertThat(failureOf(initiator.control().call(target.address(), Samples.CANCEL, TestNode.seconds(20)))
                            .code())
                    .isEqualTo(TransferErrorCode.SHUTTING_DOWN);
        }
    }

    @Test
    void required_R20_closeLeavesNoThreadBehind() throws Exception {
        Set<Thread> before = Thread.getAllStackTraces().keySet();
        try (TestNode initiator = new TestNode();
                TestNode target = new TestNode()) {
            replyOf(initiator.control().call(target.address(), Samples.CANCEL, TestNode.seconds(20)));
        }

        assertThat(Thread.getAllStackTraces().keySet())
                .filteredOn(thread -> !before.contains(thread))
                .extracting(Thread::getName)
                .noneMatch(name -> name.startsWith("kvferry-peer") || name.startsWith("grpc-"));
    }

    @Test
    void required_R20_closeIsBoundedWhenAnAnswerHangs() throws Exception {
        CountDownLatch arrived = new CountDownLatch(1);
        CountDownLatch released = new CountDownLatch(1);
        TestNode target = new TestNode().answering((request, deadline) -> {
            arrived.countDown();
            boolean done = false;
            while (!done) {
                try {
                    done = released.await(30, TimeUnit.SECONDS);
                } catch (InterruptedException e) {
                    // a service that does not listen
                }
            }
            return never();
        });
        try (TestNode initiator = new TestNode()) {
            initiator.control().call(target.address(), Samples.PREPARE, TestNode.seconds(30));
            assertThat(arrived.await(20, TimeUnit.SECONDS)).isTrue();
            CompletableFuture<Void> closed =
                    CompletableFuture.runAsync(() -> target.control().close(Deadline.after(Duration.ofMillis(300))));

            closed.get(20, TimeUnit.SECONDS);
            assertThat(released.getCount()).isEqualTo(1);
        } finally {
            released.countDown();
            target.close();
        }
    }

    @Test
    void anAddressThatIsNoneFailsTheCall() {
        try (TestNode initiator = new TestNode()) {
            assertThat(failureOf(initiator
                                    .control()
                                    .call(new PeerAddress("no host", 1), Samples.HELLO, TestNode.seconds(20)))
                            .code())
                    .isEqualTo(TransferErrorCode.INVALID_REQUEST);
        }
    }

    @Test
    void aPortInUseIsNamedWithItsKey() {
        try (TestNode first = new TestNode()) {
            assertThatThrownBy(() -> new TestNode(BackendConfig.DEFAULTS.with(
                            PeerConfigKeys.PORT, first.address().port())))
                    .isInstanceOfSatisfying(
                            TransferException.class,
                            failure -> assertThat(failure.code()).isEqualTo(TransferErrorCode.CONNECTION_FAILED))
                    .hasMessageContaining("kvferry.peer.port");
        }
    }
}
