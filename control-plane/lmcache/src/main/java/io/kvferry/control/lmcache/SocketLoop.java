package io.kvferry.control.lmcache;

import io.kvferry.spi.Deadline;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;
import org.zeromq.ZMQException;

/**
 * The thread of one listening socket. It never ends before it is closed: a socket that breaks is made anew, and every frame is
 * handled by itself. Answers may come from other threads, in any order.
 */
final class SocketLoop implements AutoCloseable {
    /** Handles one frame; must not block for long and must not throw. */
    @FunctionalInterface
    interface Handler {
        /**
         * Handles a frame.
         *
         * @param replies takes the answer, now or later, on any thread
         */
        void frame(byte[] frame, Replies replies);
    }

    /** Where the answer to a frame goes; one that comes when too many wait is dropped, and the asker's deadline passes. */
    @FunctionalInterface
    interface Replies {
        void send(byte[] answer);
    }

    /** An answer and the frames that go before it. */
    private record Reply(List<byte[]> frames) {}

    private static final Logger LOG = LoggerFactory.getLogger(SocketLoop.class);
    private static final int MAX_WAITING_REPLIES = 65_536;
    private static final int FRAMES_PER_TURN = 256;
    private static final long REBIND_MILLIS = 200;

    private final ZContext context;
    private final SocketType type;
    private final long maxFrameBytes;
    private final Handler handler;
    private final LmCacheCounters counters;
    private final BlockingQueue<Reply> replies = new ArrayBlockingQueue<>(MAX_WAITING_REPLIES);
    private final WakeUp wakeUp;
    private final Thread thread;
    private ZMQ.Socket socket;
    private final int port;
    private final String endpoint;
    private volatile boolean closed;

    private SocketLoop(
            ZContext context,
            SocketType type,
            String name,
            String host,
            int port,
            long maxFrameBytes,
            Handler handler,
            LmCacheCounters counters)
            throws IOException {
        this.context = context;
        this.type = type;
        this.maxFrameBytes = maxFrameBytes;
        this.handler = handler;
        this.counters = counters;
        this.wakeUp = new WakeUp();
        this.socket = newSocket();
        String prefix = "tcp://" + (host.contains(":") ? "[" + host + "]" : host) + ":";
        this.port = port == 0 ? socket.bindToRandomPort(prefix.substring(0, prefix.length() - 1)) : bind(prefix, port);
        this.endpoint = prefix + this.port;
        this.thread =
                Thread.ofPlatform().daemon().name("kvferry-lmcache-" + name).unstarted(this::run);
    }

    private int bind(String prefix, int wanted) {
        if (!socket.bind(prefix + wanted)) {
            throw new ZMQException("cannot bind " + prefix + wanted, socket.errno());
        }
        return wanted;
    }

    /** Listens; port 0 takes a free one. Throws a {@link ZMQException} if it cannot. */
    static SocketLoop start(
            ZContext context,
            SocketType type,
            String name,
            String host,
            int port,
            long maxFrameBytes,
            Handler handler,
            LmCacheCounters counters)
            throws IOException {
        SocketLoop loop = new SocketLoop(context, type, name, host, port, maxFrameBytes, handler, counters);
        loop.thread.start();
        return loop;
    }

    int port() {
        return port;
    }

    private ZMQ.Socket newSocket() {
        ZMQ.Socket made = context.createSocket(type);
        made.setLinger(0);
        made.setMaxMsgSize(maxFrameBytes);
        if (type == SocketType.ROUTER) {
            made.setRouterHandover(true); // a worker that comes back before its old connection is noticed dead
        }
        return made;
    }

    private void run() {
        while (!closed) {
            try {
                serve();
            } catch (ZMQException e) {
                LOG.warn("socket {} broke and is made anew", endpoint, e);
                recreate();
            }
        }
        socket.close();
    }

    private void recreate() {
        counters.count(LmCacheCounters.Name.SOCKETS_RECREATED);
        socket.close();
        socket = newSocket();
        while (!closed && !socket.bind(endpoint)) {
            awaitWakeUp(REBIND_MILLIS);
        }
    }

    private void awaitWakeUp(long millis) {
        try (ZMQ.Poller poller = context.createPoller(1)) {
            int ignored = wakeUp.register(poller);
            poller.poll(millis);
        }
    }

    private void serve() {
        try (ZMQ.Poller poller = context.createPoller(2)) {
            int incoming = poller.register(socket, ZMQ.Poller.POLLIN);
            int ignored = wakeUp.register(poller);
            while (!closed) {
                poller.poll(-1); // ended by a frame, an answer or close()
                wakeUp.drain();
                sendReplies();
                if (poller.pollin(incoming)) {
                    receive();
                }
            }
        }
    }

    private void receive() {
        for (int i = 0; i < FRAMES_PER_TURN; i++) {
            byte[] first = socket.recv(ZMQ.DONTWAIT);
            if (first == null) {
                return;
            }
            List<byte[]> frames = new ArrayList<>();
            frames.add(first);
            while (socket.hasReceiveMore()) {
                byte[] next = socket.recv(0);
                if (next != null) {
                    frames.add(next);
                }
            }
            if (type == SocketType.ROUTER) {
                request(frames);
            } else {
                frames.forEach(frame -> handler.frame(frame, _ -> {}));
            }
        }
        sendReplies();
    }

    /** {@code [identity, empty, payload]} as REQ and LMCache's DEALER send it, or without the empty frame. */
    private void request(List<byte[]> frames) {
        if (frames.size() < 2) {
            counters.count(LmCacheCounters.Name.MALFORMED_FRAMES);
            return;
        }
        boolean delimited = frames.size() > 2 && frames.get(1).length == 0;
        List<byte[]> envelope = frames.subList(0, delimited ? 2 : 1);
        handler.frame(frames.getLast(), answer -> {
            List<byte[]> whole = new ArrayList<>(envelope);
            whole.add(answer);
            if (replies.offer(new Reply(whole)) && !Thread.currentThread().equals(thread)) {
                wakeUp.wake();
            }
        });
        sendReplies();
    }

    private void sendReplies() {
        for (Reply reply = replies.poll(); reply != null; reply = replies.poll()) {
            int last = reply.frames().size() - 1;
            for (int i = 0; i <= last; i++) {
                socket.send(reply.frames().get(i), i < last ? ZMQ.SNDMORE | ZMQ.DONTWAIT : ZMQ.DONTWAIT);
            }
        }
    }

    @Override
    public void close() {
        close(Deadline.after(java.time.Duration.ofSeconds(5)));
    }

    /** Ends the thread; returns false if it still runs when the deadline passes. */
    boolean close(Deadline deadline) {
        closed = true;
        wakeUp.wake();
        try {
            thread.join(java.time.Duration.ofNanos(Math.max(1, deadline.remainingNanos())));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (!thread.isAlive()) {
            wakeUp.close();
        }
        return !thread.isAlive();
    }
}
