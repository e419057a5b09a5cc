package io.kvferry.control.lmcache;

import org.jspecify.annotations.Nullable;
import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;
import org.zeromq.ZMQException;

/**
 * One request at a worker's port, on a connection of its own that ends with it: answers have no number, and so one that comes
 * late finds nobody instead of the next request. Confined to the thread of {@link WorkerPorts}.
 */
final class PortExchange implements AutoCloseable {
    private static final byte[] DELIMITER = new byte[0];

    private final ZMQ.Poller poller;
    private final ZMQ.Socket socket;
    private final ZMQ.PollItem readable;

    private PortExchange(ZMQ.Poller poller, ZMQ.Socket socket) {
        this.poller = poller;
        this.socket = socket;
        this.readable = new ZMQ.PollItem(socket, ZMQ.Poller.POLLIN);
    }

    /** Sends a request. Throws a {@link ZMQException} or IllegalArgumentException if there is no socket or the URL is none. */
    static PortExchange send(
            ZContext context, ZMQ.Poller poller, String url, Message request, long maxFrameBytes) {
        PortExchange exchange = new PortExchange(poller, context.createSocket(SocketType.DEALER)); // what a REP accepts
        try {
            exchange.start(url, MessageCodec.encode(request), maxFrameBytes);
            return exchange;
        } catch (RuntimeException e) {
            exchange.socket.close();
            throw e;
        }
    }

    private void start(String url, byte[] request, long maxFrameBytes) {
        socket.setLinger(0);
        socket.setMaxMsgSize(maxFrameBytes);
        if (!socket.connect(url)
                || !socket.send(DELIMITER, ZMQ.SNDMORE | ZMQ.DONTWAIT)
                || !socket.send(request, ZMQ.DONTWAIT)) {
            throw new ZMQException("cannot send to " + url, socket.errno());
        }
        int ignored = poller.register(readable);
    }

    /** The answer's last frame; null if none had come at the last poll. */
    byte @Nullable [] answer() {
        if (!readable.isReadable()) {
            return null;
        }
        byte[] frame = socket.recv(ZMQ.DONTWAIT);
        while (frame != null && socket.hasReceiveMore()) {
            frame = socket.recv(ZMQ.DONTWAIT);
        }
        return frame;
    }

    @Override
    public void close() {
        poller.unregister(socket);
        socket.close();
    }
}
