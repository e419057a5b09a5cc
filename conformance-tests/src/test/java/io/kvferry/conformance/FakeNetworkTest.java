package io.kvferry.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvferry.conformance.FaultPlan.Action;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Payload;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.PeerControl;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.PeerService;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class FakeNetworkTest {
    private static final Duration SECOND = Duration.ofSeconds(1);

    private final FaultPlan faults = FaultPlan.seeded(1);
    private final FakeNetwork network = FakeNetwork.create(faults);
    private final FakeTicker ticker = new FakeTicker();
    private final Echo client = new Echo();
    private final Echo server = new Echo();
    private final PeerControl from = open(network, "client");
    private final PeerControl to = open(network, "server");
    private final PeerAddress home = from.start(client, ticker.in(SECOND));
    private final PeerAddress peer = to.start(server, ticker.in(SECOND));

    private PeerControl open(FakeNetwork on, String node) {
        return on.provider()
                .open(
                        BackendConfig.DEFAULTS,
                        new BackendEnvironment(new PeerIdentity(node, 1), ticker, ticker.scheduler(), "fake", "fake"));
    }

    @Test
    void requestReachesTheServiceWithTheTimeThatRemains() {
        assertThat(answer(ask("hello"))).isEqualTo("hello");
        assertThat(server.remaining).containsExactly(SECOND.toNanos());
    }

    @Test
    void droppedRequestEndsAtTheCallersDeadline() {
        faults.onNext("notify.request", Action.DROP);
        CompletableFuture<PeerReply.Notified> reply = ask("lost");
        ticker.advance(SECOND);
        assertFails(reply, TransferErrorCode.DEADLINE_EXCEEDED);
        assertThat(server.seen).isEmpty();
    }

    @Test
    void droppedReplyEndsAtTheCallersDeadlineAlthoughTheServiceAnswered() {
        faults.onNext("notify.reply", Action.DROP);
        CompletableFuture<PeerReply.Notified> reply = ask("done");
        Await.until("the request arrives", () -> server.seen.size() == 1);
        ticker.advance(SECOND);
        assertFails(reply, TransferErrorCode.DEADLINE_EXCEEDED);
    }

    @Test
    void delayRunsOnTheClockAndAReplyPastTheDeadlineIsLost() {
        faults.onNext("notify.reply", Action.delay(SECOND.multipliedBy(2)));
        CompletableFuture<PeerReply.Notified> late = ask("late");
        Await.until("the request arrives", () -> server.seen.size() == 1);
        Await.until("the reply is delayed", () -> ticker.pendingTasks() == 2);
        ticker.advance(SECOND);
        assertFails(late, TransferErrorCode.DEADLINE_EXCEEDED);
        CompletableFuture<PeerReply.Notified> next = ask("next");
        ticker.advance(SECOND.minusMillis(1));
        assertThat(answer(next)).isEqualTo("next");
    }

    @Test
    void duplicatedRequestIsHandledTwiceAndAnsweredOnce() {
        faults.onNext("notify.request", Action.DUPLICATE);
        assertThat(answer(ask("twice"))).isEqualTo("twice");
        Await.until("the second copy arrives", () -> server.seen.size() == 2);
    }

    @Test
    void reorderedRequestArrivesAfterItsSuccessor() {
        faults.onNext("notify.request", Action.REORDER);
        CompletableFuture<PeerReply.Notified> first = ask("first");
        Await.until("the first is kept back", () -> ((FakePeerControl) from).keepsBack("notify.request"));
        assertThat(answer(ask("second"))).isEqualTo("second");
        assertThat(answer(first)).isEqualTo("first");
        assertThat(server.seen).containsExactly("second", "first");
    }

    @Test
    void refusalAndGarbageFailTheCallWithTheirCodes() {
        faults.onNext("notify.request", Action.refuse(TransferErrorCode.CONTROL_FAILED));
        assertFails(ask("refused"), TransferErrorCode.CONTROL_FAILED);
        faults.onNext("notify.request", Action.CORRUPT);
        assertFails(ask("garbage"), TransferErrorCode.PROTOCOL_ERROR);
    }

    @Test
    void errorOfTheServiceCrossesWithAllItsFieldsAndABugBecomesInternal() {
        TransferError error = new TransferError(
                TransferErrorCode.UNRECOGNIZED, 77, Stage.OFFER, io.kvferry.spi.Side.TARGET, "n", false, "no");
        server.failure = new TransferException(error);
        assertThatThrownBy(() -> Await.get("the refusal", ask("x")))
                .isInstanceOfSatisfying(
                        TransferException.class, e -> assertThat(e.error()).isEqualTo(error));
        server.failure = new IllegalStateException("a bug");
        assertFails(ask("x"), TransferErrorCode.INTERNAL);
    }

    @Test
    void frozenNodeAnswersOnlyOnceThawed() {
        network.freeze(peer);
        CompletableFuture<PeerReply.Notified> reply = ask("patience");
        Await.until("the message waits", () -> ticker.pendingTasks() == 1);
        assertThat(server.seen).isEmpty();
        network.thaw(peer);
        assertThat(answer(reply)).isEqualTo("patience");
    }

    @Test
    void partitionLosesMessagesUntilHealed() {
        network.partition(home, peer);
        CompletableFuture<PeerReply.Notified> lost = ask("lost");
        ticker.advance(SECOND);
        assertFails(lost, TransferErrorCode.DEADLINE_EXCEEDED);
        network.heal();
        assertThat(answer(ask("found"))).isEqualTo("found");
    }

    @Test
    void killedNodeRefusesAndAnotherCanStartAtItsAddress() {
        Gate gate = new Gate();
        server.hold = gate;
        CompletableFuture<PeerReply.Notified> underWay = ask("under way");
        gate.awaitArrival();
        network.kill(peer);
        assertFails(underWay, TransferErrorCode.CONTROL_FAILED);
        assertFails(ask("nobody"), TransferErrorCode.CONTROL_FAILED);
        Echo successor = new Echo();
        network.provider(peer)
                .open(
                        BackendConfig.DEFAULTS,
                        new BackendEnvironment(
                                new PeerIdentity("server", 2), ticker, ticker.scheduler(), "fake", "fake"))
                .start(successor, ticker.in(SECOND));
        assertThat(answer(ask("again"))).isEqualTo("again");
        assertThat(successor.seen).containsExactly("again");
    }

    @Test
    void addressInUseIsRefused() {
        PeerControl second = network.provider(peer)
                .open(
                        BackendConfig.DEFAULTS,
                        new BackendEnvironment(
                                new PeerIdentity("other", 2), ticker, ticker.scheduler(), "fake", "fake"));
        assertThatThrownBy(() -> second.start(new Echo(), ticker.in(SECOND))).hasMessageContaining("in use");
    }

    @Test
    void channelDeliversInOrderBothWaysAndEndsInOrder() {
        Recorder mine = new Recorder();
        PeerChannel channel = channel(mine);
        for (int i = 0; i < 200; i++) {
            channel.send(new byte[] {(byte) i});
        }
        Await.until("the channel is taken", () -> server.channel != null);
        Objects.requireNonNull(server.channel).send(new byte[] {99});
        Await.until("all messages arrive", () -> server.recorder.messages.size() == 200);
        for (int i = 0; i < 200; i++) {
            assertThat(server.recorder.messages.get(i)).containsExactly((byte) i);
        }
        Await.until("the answer arrives", () -> mine.messages.size() == 1);
        channel.close();
        Await.until("both ends hear of the end", () -> mine.ended && server.recorder.ended);
        assertThat(server.recorder.error).isNull();
        assertThatThrownBy(() -> channel.send(new byte[1])).isInstanceOf(TransferException.class);
    }

    @Test
    void lostChannelMessageBreaksTheChannel() {
        Recorder mine = new Recorder();
        faults.on("channel.message", 2, Action.DROP);
        PeerChannel channel = channel(mine);
        channel.send(new byte[1]);
        channel.send(new byte[1]);
        Await.until("the break is told", () -> mine.ended);
        assertThat(Objects.requireNonNull(mine.error).code()).isEqualTo(TransferErrorCode.CONTROL_FAILED);
    }

    @Test
    void channelThatTheServiceRefusesBreaksWithItsError() {
        server.failure = new TransferException(TransferErrorCode.NOT_FOUND, Stage.PREPARE, "no such attempt");
        Recorder mine = new Recorder();
        channel(mine);
        Await.until("the refusal is told", () -> mine.ended);
        assertThat(Objects.requireNonNull(mine.error).code()).isEqualTo(TransferErrorCode.NOT_FOUND);
    }

    @Test
    void channelBreaksAtItsDeadlineAndWhenThePeerDies() {
        Recorder one = new Recorder();
        channel(one);
        Await.until("the channel is taken", () -> server.channel != null);
        ticker.advance(SECOND);
        Await.until("the deadline is told", () -> one.ended);
        assertThat(Objects.requireNonNull(one.error).code()).isEqualTo(TransferErrorCode.DEADLINE_EXCEEDED);
        Recorder two = new Recorder();
        channel(two);
        network.kill(peer);
        Await.until("the death is told", () -> two.ended);
        assertThat(two.error).isNotNull();
    }

    @Test
    void closedNodeFailsItsCallsAndLeavesItsAddress() {
        Gate gate = new Gate();
        server.hold = gate;
        CompletableFuture<PeerReply.Notified> underWay = ask("under way");
        gate.awaitArrival();
        from.close(ticker.in(SECOND));
        assertFails(underWay, TransferErrorCode.SHUTTING_DOWN);
        assertFails(ask("after close"), TransferErrorCode.SHUTTING_DOWN);
        assertThat(ticker.pendingTasks()).isZero();
    }

    @Test
    void directNetworkCallsTheServiceOnTheCallersThread() {
        FakeNetwork direct = FakeNetwork.direct();
        PeerControl caller = open(direct, "caller");
        PeerControl callee = open(direct, "callee");
        Echo service = new Echo();
        PeerAddress address = callee.start(service, ticker.in(SECOND));
        PeerRequest.Notify notify =
                new PeerRequest.Notify(new PeerIdentity("caller", 1), "topic", new Payload("now".getBytes()));
        assertThat(caller.call(address, notify, ticker.in(SECOND))).isDone();
        assertThat(service.thread).isSameAs(Thread.currentThread());
        assertThat(ticker.pendingTasks()).isZero();
    }

    private PeerChannel channel(Recorder recorder) {
        PeerChannel channel = from.openChannel(peer, TransferId.random(), 1, 1, ticker.in(SECOND));
        channel.receive(recorder);
        return channel;
    }

    private CompletableFuture<PeerReply.Notified> ask(String text) {
        Payload payload = new Payload(text.getBytes());
        return from.call(
                peer, new PeerRequest.Notify(new PeerIdentity("client", 1), "topic", payload), ticker.in(SECOND));
    }

    private static String answer(CompletableFuture<PeerReply.Notified> reply) {
        return new String(Await.get("the answer", reply).payload().toByteArray());
    }

    private static void assertFails(CompletableFuture<?> reply, TransferErrorCode code) {
        assertThatThrownBy(() -> Await.get("the refusal", reply))
                .isInstanceOfSatisfying(
                        TransferException.class, e -> assertThat(e.code()).isEqualTo(code));
    }

    private static final class Recorder implements PeerChannel.Receiver {
        private final List<byte[]> messages = new CopyOnWriteArrayList<>();
        private volatile boolean ended;
        private volatile @Nullable TransferError error;

        @Override
        public void message(byte[] message) {
            messages.add(message);
        }

        @Override
        public void closed(@Nullable TransferError why) {
            error = why;
            ended = true;
        }
    }

    /** Answers every NOTIFY with its own payload. */
    private static final class Echo implements PeerService {
        private final List<String> seen = new CopyOnWriteArrayList<>();
        private final List<Long> remaining = new ArrayList<>();
        private final Recorder recorder = new Recorder();
        private volatile @Nullable RuntimeException failure;
        private volatile @Nullable Gate hold;
        private volatile @Nullable PeerChannel channel;
        private volatile @Nullable Thread thread;

        @Override
        @SuppressWarnings("unchecked")
        public <R extends PeerReply> CompletionStage<R> handle(PeerRequest<R> request, Deadline deadline) {
            thread = Thread.currentThread();
            Payload payload = ((PeerRequest.Notify) request).payload();
            remaining.add(deadline.remainingNanos());
            seen.add(new String(payload.toByteArray()));
            if (failure != null) {
                throw failure;
            }
            CompletableFuture<R> reply = new CompletableFuture<>();
            Runnable answer = () -> reply.complete((R) new PeerReply.Notified(payload));
            Gate gate = hold;
            if (gate == null) {
                answer.run();
            } else {
                gate.whenOpen(answer);
            }
            return reply;
        }

        @Override
        public void channelOpened(TransferId id, int attempt, long epoch, PeerChannel opened) {
            if (failure != null) {
                throw failure;
            }
            channel = opened;
            opened.receive(recorder);
        }
    }
}
