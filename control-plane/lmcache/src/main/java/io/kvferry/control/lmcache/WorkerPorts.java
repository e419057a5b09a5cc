package io.kvferry.control.lmcache;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.TransferErrorCode;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;
import org.zeromq.ZMQException;

/**
 * Asks workers at the ports that they told: one thread for all of them, and one socket for each request that is out.
 *
 * <p>A worker's socket is a REP: it takes one request at a time, and so here too one request is out per worker and the others
 * wait in order.
 *
 * <p>Thread-safe; nothing blocks.
 */
final class WorkerPorts implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(WorkerPorts.class);
    private static final long NEVER = Long.MAX_VALUE;
    private static final int POLLED_AT_FIRST = 16;

    /** What other threads want done on this one's. */
    private sealed interface Command {}

    private record Asked(PortLine.Ask ask) implements Command {}

    private record Dropped(String url, CompletableFuture<Void> done) implements Command {}

    private final ZContext context;
    private final Executor executor;
    private final long maxFrameBytes;
    private final WakeUp wakeUp;
    private final Thread thread;
    private final Queue<Command> commands = new ConcurrentLinkedQueue<>();
    // of the thread
    private final Map<String, PortLine> lines = new HashMap<>();

    private volatile boolean closed;

    private WorkerPorts(ZContext context, Executor executor, long maxFrameBytes) throws IOException {
        this.context = context;
        this.executor = executor;
        this.maxFrameBytes = maxFrameBytes;
        this.wakeUp = new WakeUp();
        this.thread = Thread.ofPlatform().daemon().name("kvferry-lmcache-ask").unstarted(this::run);
    }

    /** @param executor runs what depends on answers */
    static WorkerPorts start(ZContext context, Executor executor, long maxFrameBytes) throws IOException {
        WorkerPorts ports = new WorkerPorts(context, executor, maxFrameBytes);
        ports.thread.start();
        return ports;
    }

    /**
     * Sends a request behind those that wait.
     *
     * @param onAnswer called for any answer, whatever it says
     * @return the answer, or a {@link io.kvferry.spi.TransferException}: PEER_LOST without one in time, DEADLINE_EXCEEDED if it
     *     was never sent, CONNECTION_FAILED if it could not be, CONTROL_FAILED if the worker left or came anew, PROTOCOL_ERROR for
     *     an answer that is none, TRANSFER_FAILED for an ErrorMsg
     */
    CompletableFuture<Message> ask(String url, Message request, Deadline deadline, Runnable onAnswer) {
        PortLine.Ask ask = new PortLine.Ask(url, request, deadline, onAnswer, new CompletableFuture<>());
        tell(new Asked(ask));
        return ask.answer();
    }

    /** Gives up all requests to a worker. Completes when those have failed. */
    CompletableFuture<Void> drop(String url) {
        Dropped dropped = new Dropped(url, new CompletableFuture<>());
        tell(dropped);
        return dropped.done();
    }

    private void tell(Command command) {
        commands.add(command);
        if (closed) {
            refuseCommands();
        } else {
            wakeUp.wake();
        }
    }

    private void run() {
        try (ZMQ.Poller poller = context.createPoller(POLLED_AT_FIRST)) {
            int ignored = wakeUp.register(poller);
            while (!closed) {
                try {
                    poller.poll(pollMillis());
                    wakeUp.drain();
                    receive(poller);
                    takeCommands(poller);
                    expire(poller);
                } catch (RuntimeException e) {
                    LOG.error("a bug: requests to workers were given up", e);
                    failAll(TransferErrorCode.INTERNAL, "was given up");
                }
            }
            failAll(TransferErrorCode.SHUTTING_DOWN, "is not asked any more");
        }
        refuseCommands();
    }

    private void failAll(TransferErrorCode code, String what) {
        lines.values().forEach(line -> line.failAll(code, what));
        lines.clear();
    }

    /** Until the next deadline, rounded up; -1 without one. */
    private long pollMillis() {
        long least = NEVER;
        for (PortLine line : lines.values()) {
            least = Math.min(least, line.remainingNanos());
        }
        return least == NEVER ? -1 : Math.max(0, TimeUnit.NANOSECONDS.toMillis(least)) + 1;
    }

    private void takeCommands(ZMQ.Poller poller) {
        for (Command command = commands.poll(); command != null; command = commands.poll()) {
            switch (command) {
                case Asked(PortLine.Ask ask) -> {
                    PortLine line = lines.computeIfAbsent(ask.url(), _ -> new PortLine());
                    line.add(ask);
                    sendNext(line, poller);
                }
                case Dropped(String url, CompletableFuture<Void> done) -> {
                    PortLine line = lines.remove(url);
                    if (line != null) {
                        line.failAll(TransferErrorCode.CONTROL_FAILED, "left or registered anew");
                    }
                    boolean ignored = done.complete(null);
                }
            }
        }
    }

    private void sendNext(PortLine line, ZMQ.Poller poller) {
        while (line.out() == null) {
            PortLine.Ask ask = line.next();
            if (ask == null) {
                return;
            }
            try {
                line.sent(ask, PortExchange.begin(context, poller, ask.url(), ask.request(), maxFrameBytes));
            } catch (ZMQException | IllegalArgumentException | IllegalStateException e) {
                ask.fail(TransferErrorCode.CONNECTION_FAILED, "cannot be reached: " + e.getMessage());
            }
        }
    }

    private void receive(ZMQ.Poller poller) {
        for (PortLine line : lines.values()) {
            PortLine.Out out = line.out();
            byte[] payload = out == null ? null : out.exchange().advance();
            if (out != null && payload != null) {
                answered(line.end(out), payload);
                sendNext(line, poller);
            }
        }
    }

    private void answered(PortLine.Ask ask, byte[] payload) {
        try {
            executor.execute(() -> {
                ask.onAnswer().run();
                complete(ask, payload);
            });
        } catch (RejectedExecutionException closing) {
            ask.fail(TransferErrorCode.SHUTTING_DOWN, "is not asked any more");
        }
    }

    private static void complete(PortLine.Ask ask, byte[] payload) {
        try {
            Message answer = MessageCodec.decode(payload);
            if (answer.type() == MessageType.ERROR) {
                ask.fail(TransferErrorCode.TRANSFER_FAILED, "refused: " + answer.text("error"));
            } else if (answer.type() != ask.request().type().answer()) {
                ask.fail(TransferErrorCode.PROTOCOL_ERROR, "answered with " + answer.type().tag());
            } else {
                boolean ignored = ask.answer().complete(answer);
            }
        } catch (MalformedMessageException e) {
            ask.fail(TransferErrorCode.PROTOCOL_ERROR, "answered something else: " + e.getMessage());
        }
    }

    private void expire(ZMQ.Poller poller) {
        for (Iterator<PortLine> all = lines.values().iterator(); all.hasNext(); ) {
            PortLine line = all.next();
            line.failExpired();
            sendNext(line, poller);
            if (line.isIdle()) {
                all.remove();
            }
        }
    }

    private void refuseCommands() {
        for (Command command = commands.poll(); command != null; command = commands.poll()) {
            switch (command) {
                case Asked(PortLine.Ask ask) -> ask.fail(TransferErrorCode.SHUTTING_DOWN, "is not asked any more");
                case Dropped(String _, CompletableFuture<Void> done) -> {
                    boolean ignored = done.complete(null);
                }
            }
        }
    }

    @Override
    public void close() {
        boolean ignored = close(Deadline.after(Duration.ofSeconds(5)));
    }

    /** Ends the thread; returns false if it still runs when the deadline passes. */
    boolean close(Deadline deadline) {
        closed = true;
        wakeUp.wake();
        try {
            thread.join(Duration.ofNanos(Math.max(1, deadline.remainingNanos())));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (!thread.isAlive()) {
            wakeUp.close();
        }
        return !thread.isAlive();
    }
}
