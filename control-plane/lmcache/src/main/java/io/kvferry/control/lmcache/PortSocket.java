package io.kvferry.control.lmcache;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;
import org.zeromq.ZMQException;

/**
 * The socket of {@link WorkerPorts}: a ROUTER, which knows each connection by a name that no other ever had. Confined to its
 * thread.
 */
final class PortSocket implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(PortSocket.class);

    private final ZMQ.Socket socket;
    private final Map<String, PortLine> connections = new HashMap<>();
    private long connectionsMade;

    PortSocket(ZContext context, long maxFrameBytes) {
        socket = context.createSocket(SocketType.ROUTER);
        socket.setLinger(0);
        socket.setMaxMsgSize(maxFrameBytes);
        socket.setRouterMandatory(true);
    }

    /** What came over a connection; {@code line} is null if that was given up before. */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Received(@Nullable PortLine line, byte[] payload) {}

    int register(ZMQ.Poller poller) {
        return poller.register(socket, ZMQ.Poller.POLLIN);
    }

    /** Sends a request, over a new connection if there is none; false if that is not possible. */
    boolean send(PortLine line, Message request) {
        try {
            return socket.send(connect(line).getBytes(ZMQ.CHARSET), ZMQ.SNDMORE | ZMQ.DONTWAIT)
                    && socket.send(new byte[0], ZMQ.SNDMORE | ZMQ.DONTWAIT)
                    && socket.send(MessageCodec.encode(request), ZMQ.DONTWAIT);
        } catch (ZMQException | IllegalArgumentException e) {
            LOG.debug("{} cannot be sent to", line.url, e);
            return false;
        }
    }

    private String connect(PortLine line) {
        String connection = line.connection;
        if (connection == null) {
            connection = "c" + ++connectionsMade;
            line.connection = connection;
            connections.put(connection, line);
            socket.setConnectRid(connection);
            boolean ignored = socket.connect(line.url);
        }
        return connection;
    }

    void disconnect(PortLine line) {
        String connection = line.connection;
        if (connection != null) {
            line.connection = null;
            connections.remove(connection);
            boolean ignored = socket.disconnect(line.url);
        }
    }

    /** The next message that has come; null without one. */
    @Nullable
    Received receive() {
        byte[] name = socket.recv(ZMQ.DONTWAIT);
        if (name == null) {
            return null;
        }
        byte[] payload = new byte[0];
        while (socket.hasReceiveMore()) {
            byte[] frame = socket.recv(0);
            payload = frame == null ? payload : frame;
        }
        return new Received(connections.get(new String(name, ZMQ.CHARSET)), payload);
    }

    @Override
    public void close() {
        socket.close();
    }
}
