package io.kvferry.control.lmcache;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.TransferErrorCode;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks workers at the ports that they told: one thread keeps the lines of those who wait, and each request that is out has a
 * {@link PortExchange}.
 *
 * <p>A worker's socket is a REP: it takes one request at a time, and so here too one request is out per worker and the others
 * wait in order.
 *
 * <p>Thread-safe; nothing blocks.
 */
final class WorkerPorts implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(WorkerPorts.class);
    private static final int MAX_LINES = 16_384;
    private static final long LONGEST_WAIT_NANOS = TimeUnit.HOURS.toNanos(1);

    /** What the thread is told. */
    private sealed interface Command {}

    private record Asked(PortLine.Ask ask) implements Command {}

    private record Dropped(PeerAddress address, CompletableFuture<Void> done) implements Command {}

    private record Ended(PeerAddress address, PortExchange exchange, PortExchange.Outcome outcome) implements Command {}

    /** Of a thread that shall see that it is closed. */
    private record Closed() implements Command {}

    private final Executor executor;
    private final long maxFrameBytes;
    private final Thread thread;
    private final BlockingQueue<Command> commands = new LinkedBlockingQueue<>();
    // of the thread
    private final Map<PeerAddress, PortLine> lines = new HashMap<>();

    private volatile boolean closed;

    private WorkerPorts(Executor executor, long maxFrameBytes) {
        this.executor = executor;
        this.maxFrameBytes = maxFrameBytes;
        this.thread = Thread.ofPlatform().daemon().name("kvferry-lmcache-ask").unstarted(this::run);
    }

    /** @param executor runs what depends on answers */
    static WorkerPorts start(Executor executor, long maxFrameBytes) {
        WorkerPorts ports = new WorkerPorts(executor, maxFrameBytes);
        ports.thread.start();
        return ports;
    }

    /**
     * Sends a request behind those that wait.
     *
     * @param onAnswer called for any answer, whatever it says
     * @return the answer, or a {@link io.kvferry.spi.TransferException}: CONNECTION_FAILED if nobody was reached, PEER_LOST
     *     without an answer in time or if the worker hung up, DEADLINE_EXCEEDED if its turn never came, CONTROL_FAILED if the
     *     worker left or came anew, PROTOCOL_ERROR for an answer that is none, TRANSFER_FAILED for an ErrorMsg,
     *     RESOURCE_EXHAUSTED if too many wait
     */
    CompletableFuture<Message> ask(PeerAddress address, Message request, Deadline deadline, Runnable onAnswer) {
        PortLine.Ask ask = new PortLine.Ask(address, request, deadline, onAnswer, new CompletableFuture<>());
        tell(new Asked(ask));
        return ask.answer();
    }

    /** Gives up all requests to a worker. Completes when those have failed. */
    CompletableFuture<Void> drop(PeerAddress address) {
        Dropped dropped = new Dropped(address, new CompletableFuture<>());
        tell(dropped);
        return dropped.done();
    }

    private void tell(Command command) {
        commands.add(command);
        if (closed && commands.remove(command)) { // else the thread takes it
            refuse(command);
        }
    }

    private void run() {
        while (!closed) {
            try {
                Command first = commands.poll(waitNanos(), TimeUnit.NANOSECONDS);
                for (Command command = first; command != null; command = commands.poll()) {
                    handle(command);
                }
                expire();
            } catch (InterruptedException e) {
                closed = true; // nobody does that
            } catch (RuntimeException e) {
                LOG.error("a bug: requests to workers were given up", e);
                failAll(TransferErrorCode.INTERNAL, "was given up");
            }
        }
        failAll(TransferErrorCode.SHUTTING_DOWN, "is not asked any more");
        for (Command command = commands.poll(); command != null; command = commands.poll()) {
            refuse(command);
        }
    }

    private void failAll(TransferErrorCode code, String what) {
        lines.values().forEach(line -> line.failAll(code, what));
        lines.clear();
    }

    /** Until the next deadline. */
    private long waitNanos() {
        long least = LONGEST_WAIT_NANOS;
        for (PortLine line : lines.values()) {
            least = Math.min(least, line.remainingNanos());
        }
        return least;
    }

    private void handle(Command command) {
        switch (command) {
            case Asked(PortLine.Ask ask) -> add(ask);
            case Dropped(PeerAddress address, CompletableFuture<Void> done) -> {
                PortLine line = lines.remove(address);
                if (line != null) {
                    line.failAll(TransferErrorCode.CONTROL_FAILED, "left or registered anew");
                }
                boolean ignored = done.complete(null);
            }
            case Ended(PeerAddress address, PortExchange exchange, PortExchange.Outcome outcome) -> {
                PortLine line = lines.get(address);
                PortLine.Out out = line == null ? null : line.out();
                if (line != null && out != null && out.exchange() == exchange) { // else it was given up before
                    ended(line.end(out), outcome);
                    sendNext(line);
                }
            }
            case Closed() -> {}
        }
    }

    private void add(PortLine.Ask ask) {
        if (lines.size() >= MAX_LINES && !lines.containsKey(ask.address())) {
            ask.fail(TransferErrorCode.RESOURCE_EXHAUSTED, "is not asked while " + MAX_LINES + " others are");
            return;
        }
        PortLine line = lines.computeIfAbsent(ask.address(), _ -> new PortLine());
        line.add(ask);
        sendNext(line);
    }

    private void sendNext(PortLine line) {
        if (line.out() == null) {
            PortLine.Ask ask = line.next();
            if (ask != null) {
                line.sent(
                        ask,
                        PortExchange.begin(
                                ask,
                                maxFrameBytes,
                                (exchange, outcome) -> tell(new Ended(ask.address(), exchange, outcome))));
            }
        }
    }

    private void ended(PortLine.Ask ask, PortExchange.Outcome outcome) {
        switch (outcome) {
            case PortExchange.Answered(Message answer) -> heard(ask, () -> complete(ask, answer));
            case PortExchange.Garbled(String what) ->
                heard(ask, () -> ask.fail(TransferErrorCode.PROTOCOL_ERROR, what));
            case PortExchange.Failed(TransferErrorCode code, String what) -> ask.fail(code, what);
        }
    }

    private void heard(PortLine.Ask ask, Runnable end) {
        try {
            executor.execute(() -> {
                ask.onAnswer().run();
                end.run();
            });
        } catch (RejectedExecutionException closing) {
            ask.fail(TransferErrorCode.SHUTTING_DOWN, "is not asked any more");
        }
    }

    private static void complete(PortLine.Ask ask, Message answer) {
        if (answer.type() == MessageType.ERROR) {
            ask.fail(TransferErrorCode.TRANSFER_FAILED, "refused: " + answer.text("error"));
        } else if (answer.type() != ask.request().type().answer()) {
            ask.fail(
                    TransferErrorCode.PROTOCOL_ERROR,
                    "answered with " + answer.type().tag());
        } else {
            boolean ignored = ask.answer().complete(answer);
        }
    }

    private void expire() {
        lines.values().forEach(line -> {
            line.failExpired();
            sendNext(line);
        });
        boolean ignored = lines.values().removeIf(PortLine::isIdle);
    }

    private static void refuse(Command command) {
        switch (command) {
            case Asked(PortLine.Ask ask) -> ask.fail(TransferErrorCode.SHUTTING_DOWN, "is not asked any more");
            case Dropped(PeerAddress _, CompletableFuture<Void> done) -> {
                boolean ignored = done.complete(null);
            }
            case Ended _, Closed _ -> {}
        }
    }

    @Override
    public void close() {
        boolean ignored = close(Deadline.after(Duration.ofSeconds(5)));
    }

    /** Ends the thread; returns false if it still runs when the deadline passes. */
    boolean close(Deadline deadline) {
        closed = true;
        commands.add(new Closed());
        try {
            thread.join(Duration.ofNanos(Math.max(1, deadline.remainingNanos())));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return !thread.isAlive();
    }
}
