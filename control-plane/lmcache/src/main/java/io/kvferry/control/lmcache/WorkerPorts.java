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

/**
 * Asks workers at the ports that they told: one socket and one thread for all of them.
 *
 * <p>A worker's socket is a REP: it takes one request at a time and its answers have no number, so here too one request is out
 * per worker and the others wait in order. An answer that comes late must not be taken for that of the next request: the
 * connection is given up with the request that was not answered in time, and the next one has another name.
 *
 * <p>Thread-safe; nothing blocks.
 */
final class WorkerPorts implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(WorkerPorts.class);
    private static final long NEVER = Long.MAX_VALUE;

    /** What other threads want done on this one's. */
    private sealed interface Command {}

    private record Asked(PortLine.Ask ask) implements Command {}

    private record Dropped(String url, CompletableFuture<Void> done) implements Command {}

    private final ZContext context;
    private final Executor executor;
    private final long maxFrameBytes;
    private final LmCacheCounters counters;
    private final WakeUp wakeUp;
    private final Thread thread;
    private final Queue<Command> commands = new ConcurrentLinkedQueue<>();
    // of the thread
    private final Map<String, PortLine> lines = new HashMap<>();
    private PortSocket socket;

    private volatile boolean closed;

    private WorkerPorts(ZContext context, Executor executor, long maxFrameBytes, LmCacheCounters counters)
            throws IOException {
        this.context = context;
        this.executor = executor;
        this.maxFrameBytes = maxFrameBytes;
        this.counters = counters;
        this.wakeUp = new WakeUp();
        this.socket = new PortSocket(context, maxFrameBytes);
        this.thread = Thread.ofPlatform().daemon().name("kvferry-lmcache-ask").unstarted(this::run);
    }

    /** @param executor runs what depends on answers */
    static WorkerPorts start(ZContext context, Executor executor, long maxFrameBytes, LmCacheCounters counters)
            throws IOException {
        WorkerPorts ports = new WorkerPorts(context, executor, maxFrameBytes, counters);
        ports.thread.start();
        return ports;
    }

    /**
     * Sends a request behind those that wait.
     *
     * @param onAnswer called for any answer, whatever it says
     * @return the answer, or a {@link io.kvferry.spi.TransferException}: PEER_LOST without one in time, DEADLINE_EXCEEDED if it
     *     was never sent, CONTROL_FAILED if the worker left or came anew, PROTOCOL_ERROR for an answer that is none,
     *     TRANSFER_FAILED for an ErrorMsg
     */
    CompletableFuture<Message> ask(String url, Message request, Deadline deadline, Runnable onAnswer) {
        PortLine.Ask ask = new PortLine.Ask(url, request, deadline, onAnswer, new CompletableFuture<>());
        tell(new Asked(ask));
        return ask.answer();
    }

    /** Gives up the connection to a worker and all requests to it. Completes when those have failed. */
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
        while (!closed) {
            try {
                serve();
            } catch (RuntimeException e) {
                LOG.warn("the socket that asks workers broke and is made anew", e);
                recreate();
            }
        }
        lines.values().forEach(line -> line.failAll(TransferErrorCode.SHUTTING_DOWN, "is not asked any more"));
        refuseCommands();
        socket.close();
    }

    private void recreate() {
        counters.count(LmCacheCounters.Name.SOCKETS_RECREATED);
        lines.values().forEach(line -> line.failAll(TransferErrorCode.CONNECTION_FAILED, "could not be asked"));
        lines.clear();
        socket.close();
        socket = new PortSocket(context, maxFrameBytes);
    }

    private void serve() {
        try (ZMQ.Poller poller = context.createPoller(2)) {
            int incoming = socket.register(poller);
            int ignored = wakeUp.register(poller);
            while (!closed) {
                poller.poll(pollMillis());
                wakeUp.drain();
                takeCommands();
                if (poller.pollin(incoming)) {
                    receive();
                }
                expire();
            }
        }
    }

    /** Until the next deadline, rounded up; -1 without one. */
    private long pollMillis() {
        long least = NEVER;
        for (PortLine line : lines.values()) {
            least = Math.min(least, line.isIdle() ? NEVER : line.remainingNanos());
        }
        return least == NEVER ? -1 : Math.max(0, TimeUnit.NANOSECONDS.toMillis(least)) + 1;
    }

    private void takeCommands() {
        for (Command command = commands.poll(); command != null; command = commands.poll()) {
            switch (command) {
                case Asked(PortLine.Ask ask) -> {
                    PortLine line = lines.computeIfAbsent(ask.url(), PortLine::new);
                    line.add(ask);
                    sendNext(line);
                }
                case Dropped(String url, CompletableFuture<Void> done) -> {
                    PortLine line = lines.remove(url);
                    if (line != null) {
                        socket.disconnect(line);
                        line.failAll(TransferErrorCode.CONTROL_FAILED, "left or registered anew");
                    }
                    boolean ignored = done.complete(null);
                }
            }
        }
    }

    private void sendNext(PortLine line) {
        while (line.out == null) {
            PortLine.Ask ask = line.next();
            if (ask == null) {
                return;
            }
            if (socket.send(line, ask.request())) {
                line.out = ask;
            } else {
                ask.fail(TransferErrorCode.CONNECTION_FAILED, "cannot be reached");
                socket.disconnect(line);
            }
        }
    }

    private void receive() {
        for (PortSocket.Received got = socket.receive(); got != null; got = socket.receive()) {
            PortLine line = got.line();
            PortLine.Ask ask = line == null ? null : line.out;
            if (line == null || ask == null) {
                counters.count(LmCacheCounters.Name.ANSWERS_NOT_ASKED_FOR);
                continue;
            }
            line.out = null;
            answered(ask, got.payload());
            sendNext(line);
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

    private void expire() {
        for (Iterator<PortLine> all = lines.values().iterator(); all.hasNext(); ) {
            PortLine line = all.next();
            PortLine.Ask out = line.out;
            if (out != null && out.deadline().isExpired()) {
                line.out = null;
                socket.disconnect(line);
                out.fail(TransferErrorCode.PEER_LOST, "did not answer in time");
            }
            line.failExpired();
            sendNext(line);
            if (line.isIdle() && line.connection == null) {
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
