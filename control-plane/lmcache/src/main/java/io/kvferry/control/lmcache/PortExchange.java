package io.kvferry.control.lmcache;

import io.kvferry.spi.TransferErrorCode;
import java.io.IOException;
import java.net.ProtocolException;
import java.util.function.BiConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.zeromq.SocketType;

/**
 * One request at a worker's port, on a connection and a virtual thread of its own that end with it: answers have no number, and
 * so one that comes late finds nobody instead of the next request.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class PortExchange implements AutoCloseable {
    /** How it ended. */
    sealed interface Outcome {}

    /** The worker sent a message, of whatever type. */
    record Answered(Message answer) implements Outcome {}

    /** What the worker said is no message. */
    record Garbled(String what) implements Outcome {}

    /** It did not: CONNECTION_FAILED before it was asked, PEER_LOST after, PROTOCOL_ERROR for what is not ZeroMQ's. */
    record Failed(TransferErrorCode code, String what) implements Outcome {}

    private static final Logger LOG = LoggerFactory.getLogger(PortExchange.class);
    private static final byte[] DELIMITER = new byte[0];

    private final PortLine.Ask ask;
    private final ZmtpConnection connection;

    private PortExchange(PortLine.Ask ask, long maxFrameBytes) {
        this.ask = ask;
        this.connection = new ZmtpConnection(SocketType.REQ, maxFrameBytes);
    }

    /**
     * Begins.
     *
     * @param onEnd told once how it ended, on another thread, also after {@link #close}; must not block
     */
    static PortExchange begin(PortLine.Ask ask, long maxFrameBytes, BiConsumer<PortExchange, Outcome> onEnd) {
        PortExchange exchange = new PortExchange(ask, maxFrameBytes);
        var ignored =
                Thread.ofVirtual().name("kvferry-lmcache-ask").start(() -> onEnd.accept(exchange, exchange.run()));
        return exchange;
    }

    private Outcome run() {
        boolean sent = false;
        try (connection) {
            String peer = connection.connect(ask.address(), ask.deadline());
            if (!peer.equals(SocketType.REP.name()) && !peer.equals(SocketType.ROUTER.name())) {
                return new Failed(TransferErrorCode.PROTOCOL_ERROR, "is a " + peer + ", but a worker's port is a REP");
            }
            connection.send(DELIMITER, MessageCodec.encode(ask.request()));
            sent = true;
            return new Answered(MessageCodec.decode(connection.receive(ask.deadline())));
        } catch (MalformedMessageException e) {
            return new Garbled("answered something else: " + e.getMessage());
        } catch (ProtocolException e) {
            return new Failed(
                    TransferErrorCode.PROTOCOL_ERROR, "does not keep to ZeroMQ's protocol: " + e.getMessage());
        } catch (IOException e) {
            return sent
                    ? new Failed(TransferErrorCode.PEER_LOST, "did not answer: " + e.getMessage())
                    : new Failed(TransferErrorCode.CONNECTION_FAILED, "cannot be reached: " + e.getMessage());
        } catch (RuntimeException e) {
            LOG.error("a bug: a request to a worker was given up", e);
            return new Failed(TransferErrorCode.INTERNAL, "was given up: " + e.getMessage());
        }
    }

    /** Hangs up, whatever it waits for. */
    @Override
    public void close() {
        connection.close();
    }
}
