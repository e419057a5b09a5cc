package io.kvferry.control.lmcache;

import org.jspecify.annotations.Nullable;
import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;
import org.zeromq.ZMQException;

/**
 * One request at a worker's port, on a connection of its own that ends with it: answers have no number, and so one that comes
 * late finds nobody instead of the next request. Confined to the thread of {@link WorkerPorts}.
 *
 * <p>The request is sent when the connection stands, not before: JeroMQ 0.6.0 forgets to watch a new connection whose first
 * message is handed over in the moment in which the operating system has connected it. The same may happen by other sockets'
 * doing; then the handshake does not end in time and JeroMQ connects anew.
 */
final class PortExchange implements AutoCloseable {
    private static final byte[] DELIMITER = new byte[0];

    /** Soon enough for whoever waits, and late enough for a busy machine. */
    static final int HANDSHAKE_MILLIS = 1000;

    private final ZMQ.Poller poller;
    private final ZMQ.Socket socket;
    private final byte[] request;
    private ZMQ.PollItem awaited;
    private boolean sent;

    private PortExchange(ZMQ.Poller poller, ZMQ.Socket socket, byte[] request) {
        this.poller = poller;
        this.socket = socket;
        this.request = request;
        this.awaited = new ZMQ.PollItem(socket, ZMQ.Poller.POLLOUT);
    }

    /** Begins to connect. Throws a {@link ZMQException} or IllegalArgumentException if there is no socket or the URL is none. */
    static PortExchange begin(ZContext context, ZMQ.Poller poller, String url, Message request, long maxFrameBytes) {
        ZMQ.Socket socket = context.createSocket(SocketType.DEALER); // a REP takes REQ and DEALER alone
        try {
            PortExchange exchange = new PortExchange(poller, socket, MessageCodec.encode(request));
            socket.setLinger(0);
            socket.setMaxMsgSize(maxFrameBytes);
            socket.setImmediate(false);
            socket.setHandshakeIvl(HANDSHAKE_MILLIS);
            if (!socket.connect(url)) {
                throw new ZMQException("no connection to " + url, socket.errno());
            }
            exchange.await(exchange.awaited);
            return exchange;
        } catch (RuntimeException e) {
            socket.close();
            throw e;
        }
    }

    private void await(ZMQ.PollItem item) {
        awaited = item;
        int ignored = poller.register(item);
    }

    /** Goes on after a poll. Returns the answer's last frame, or null as long as there is none. */
    byte @Nullable [] advance() {
        if (sent) {
            return awaited.isReadable() ? lastFrame() : null;
        }
        if (awaited.isWritable()
                && socket.send(DELIMITER, ZMQ.SNDMORE | ZMQ.DONTWAIT)
                && socket.send(request, ZMQ.DONTWAIT)) {
            sent = true;
            poller.unregister(socket);
            await(new ZMQ.PollItem(socket, ZMQ.Poller.POLLIN));
        }
        return null;
    }

    private byte @Nullable [] lastFrame() {
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
