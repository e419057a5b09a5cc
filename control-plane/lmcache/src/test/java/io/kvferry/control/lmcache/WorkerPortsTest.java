package io.kvferry.control.lmcache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvferry.conformance.FakeTicker;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;

/** Requests at the ports of workers, on a clock of the test's own where time has to pass. */
@Timeout(180)
class WorkerPortsTest {
    private static final int PATIENCE_SECONDS = 60;
    private static final Duration TIME = Duration.ofMinutes(10);

    private final FakeTicker ticker = new FakeTicker();
    private final ZContext context = new ZContext();
    private WorkerPorts ports;

    @BeforeEach
    void open() {
        ports = WorkerPorts.start(Runnable::run, 1 << 20);
    }

    @AfterEach
    void close() {
        assertThat(ports.close(Deadline.after(Duration.ofSeconds(PATIENCE_SECONDS))))
                .as("its thread has ended, whatever came in at that moment")
                .isTrue();
        context.close();
    }

    /** A worker's port. */
    private static final class Port {
        final ZMQ.Socket socket;
        final PeerAddress address;

        Port(ZContext context) {
            socket = context.createSocket(SocketType.REP);
            socket.setReceiveTimeOut((int) TimeUnit.SECONDS.toMillis(PATIENCE_SECONDS));
            address = new PeerAddress("127.0.0.1", socket.bindToRandomPort("tcp://127.0.0.1"));
        }

        String asked() throws Exception {
            byte[] request = socket.recv();
            assertThat(request).as("a request came").isNotNull();
            return MessageCodec.decode(request).text("worker_event_id");
        }

        void answer(long code) {
            assertThat(socket.send(MessageCodec.encode(Message.of(MessageType.HEALTH_WORKER_RET, code))))
                    .isTrue();
        }
    }

    private CompletableFuture<Message> ask(Port port, String id) {
        return ask(port.address, id, () -> {});
    }

    private CompletableFuture<Message> ask(PeerAddress address, String id, Runnable onAnswer) {
        return ports.ask(address, Message.of(MessageType.HEALTH_WORKER, id), Deadline.after(TIME, ticker), onAnswer);
    }

    private static Object code(CompletableFuture<Message> answer) throws Exception {
        return answer.get(PATIENCE_SECONDS, TimeUnit.SECONDS).values().get("error_code");
    }

    private static void assertFails(CompletableFuture<Message> answer, TransferErrorCode code) {
        assertThatThrownBy(() ->
                        answer.orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS).join())
                .isInstanceOf(CompletionException.class)
                .cause()
                .isInstanceOfSatisfying(
                        TransferException.class, e -> assertThat(e.code()).isEqualTo(code));
    }

    @Test
    void anAnswerThatComesLateIsNotTakenForTheNext() throws Exception {
        Port port = new Port(context);
        AtomicInteger answers = new AtomicInteger();
        CompletableFuture<Message> late = ask(port.address, "first", answers::incrementAndGet);
        assertThat(port.asked()).isEqualTo("first");
        ticker.advance(TIME.plusSeconds(1));
        CompletableFuture<Message> next = ask(port.address, "second", answers::incrementAndGet);
        assertFails(late, TransferErrorCode.PEER_LOST);

        port.answer(1);
        assertThat(port.asked()).isEqualTo("second");
        port.answer(2);

        assertThat(code(next)).isEqualTo(2L);
        assertThat(answers).hasValue(1);
    }

    @Test
    void requestsToOneWorkerGoOneByOneAndToOthersAtOnce() throws Exception {
        Port slow = new Port(context);
        Port other = new Port(context);
        List<CompletableFuture<Message>> answers = List.of(ask(slow, "0"), ask(slow, "1"), ask(slow, "2"));
        CompletableFuture<Message> meanwhile = ask(other, "other");
        assertThat(slow.asked()).isEqualTo("0");
        assertThat(other.asked()).isEqualTo("other");
        other.answer(7);
        assertThat(code(meanwhile)).isEqualTo(7L);
        assertThat(answers).noneMatch(CompletableFuture::isDone);

        slow.answer(0);
        for (int i = 1; i < answers.size(); i++) {
            assertThat(code(answers.get(i - 1))).isEqualTo(i - 1L);
            assertThat(slow.asked()).isEqualTo(String.valueOf(i));
            slow.answer(i);
        }
        assertThat(code(answers.getLast())).isEqualTo(2L);
    }

    @Test
    void oneThatWaitedBehindAFrozenWorkerFailsWithIt() throws Exception {
        Port frozen = new Port(context);
        Port alive = new Port(context);
        CompletableFuture<Message> sent = ask(frozen, "sent");
        CompletableFuture<Message> behind = ask(frozen, "behind");
        assertThat(frozen.asked()).isEqualTo("sent");
        ticker.advance(TIME.plusSeconds(1));
        CompletableFuture<Message> next = ask(alive, "next");

        assertFails(sent, TransferErrorCode.PEER_LOST);
        assertFails(behind, TransferErrorCode.DEADLINE_EXCEEDED);
        assertThat(alive.asked()).isEqualTo("next");
        alive.answer(0);
        assertThat(code(next)).isEqualTo(0L);
    }

    @Test
    void manyFrozenWorkersDelayNobody() throws Exception {
        List<Port> frozen = new ArrayList<>();
        List<CompletableFuture<Message>> waiting = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            frozen.add(new Port(context));
            waiting.add(ask(frozen.getLast(), "frozen"));
        }
        Port alive = new Port(context);
        CompletableFuture<Message> answer = ask(alive, "alive");
        assertThat(alive.asked()).isEqualTo("alive");
        alive.answer(0);

        assertThat(code(answer)).isEqualTo(0L);
        assertThat(waiting).noneMatch(CompletableFuture::isDone);
        frozen.forEach(
                port -> assertThat(ports.drop(port.address)).succeedsWithin(Duration.ofSeconds(PATIENCE_SECONDS)));
        waiting.forEach(one -> assertFails(one, TransferErrorCode.CONTROL_FAILED));
    }

    @Test
    void whatIsNoAnswerFailsItsRequestAlone() throws Exception {
        Port port = new Port(context);
        CompletableFuture<Message> garbage = ask(port, "garbage");
        CompletableFuture<Message> good = ask(port, "good");
        assertThat(port.asked()).isEqualTo("garbage");
        assertThat(port.socket.send("GET / HTTP/1.1")).isTrue();
        assertThat(port.asked()).isEqualTo("good");
        port.answer(0);

        assertFails(garbage, TransferErrorCode.PROTOCOL_ERROR);
        assertThat(code(good)).isEqualTo(0L);
        assertFails(ask(new PeerAddress("nowhere.invalid", 1), "x", () -> {}), TransferErrorCode.CONNECTION_FAILED);
    }

    @Test
    void whoIsNoWorkerIsToldApartAtOnce() throws Exception {
        ZMQ.Socket pull = context.createSocket(SocketType.PULL);
        PeerAddress another = new PeerAddress("127.0.0.1", pull.bindToRandomPort("tcp://127.0.0.1"));
        PeerAddress gone;
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            gone = new PeerAddress("127.0.0.1", taken.getLocalPort());
        }

        assertFails(ask(another, "x", () -> {}), TransferErrorCode.PROTOCOL_ERROR);
        assertFails(ask(gone, "x", () -> {}), TransferErrorCode.CONNECTION_FAILED);
    }

    @Test
    void closingFailsWhatIsOutAndWhatComesAfter() throws Exception {
        Port port = new Port(context);
        CompletableFuture<Message> out = ask(port, "out");
        assertThat(port.asked()).isEqualTo("out");

        assertThat(ports.close(Deadline.after(Duration.ofSeconds(PATIENCE_SECONDS))))
                .isTrue();
        assertFails(out, TransferErrorCode.SHUTTING_DOWN);
        assertFails(ask(port, "after"), TransferErrorCode.SHUTTING_DOWN);
    }
}
