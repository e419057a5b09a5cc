package io.kvferry.engine;

import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.ArrayDeque;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/**
 * The target's end of a transfer's channel: handed to the backend with accept, connected when the initiator opens it.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class EngineChannel implements PeerChannel {
    private static final int MAX_WAITING = 1024;

    private final Object lock = new Object();
    // guarded by lock
    private final Queue<byte[]> waiting = new ArrayDeque<>();
    private @Nullable PeerChannel connected;
    private @Nullable Receiver receiver;
    private boolean closed;

    /** Connects what the initiator opened. A second one is refused. */
    void connect(PeerChannel channel) {
        Receiver known;
        synchronized (lock) {
            if (connected != null || closed) {
                throw new TransferException(
                        closed ? TransferErrorCode.LEASE_ENDED : TransferErrorCode.ALREADY_EXISTS,
                        Stage.PREPARE,
                        "the transfer's channel is " + (closed ? "closed" : "open already"));
            }
            connected = channel;
            known = receiver;
            waiting.forEach(channel::send);
            waiting.clear();
        }
        channel.receive(known != null ? known : new Unclaimed());
    }

    @Override
    public void send(byte[] message) {
        PeerChannel known;
        synchronized (lock) {
            known = connected;
            if (known == null) {
                if (closed || waiting.size() == MAX_WAITING) {
                    throw new TransferException(
                            closed ? TransferErrorCode.CONTROL_FAILED : TransferErrorCode.RESOURCE_EXHAUSTED,
                            Stage.TRANSFER,
                            closed ? "the channel is closed" : MAX_WAITING + " messages wait for the initiator");
                }
                waiting.add(message.clone());
                return;
            }
        }
        known.send(message);
    }

    @Override
    public void receive(Receiver newReceiver) {
        synchronized (lock) {
            if (receiver != null) {
                throw new IllegalStateException("a receiver is set");
            }
            receiver = newReceiver;
        }
    }

    @Override
    public void close() {
        PeerChannel known;
        synchronized (lock) {
            closed = true;
            known = connected;
            waiting.clear();
        }
        if (known != null) {
            known.close();
        }
    }

    /** Receives where the backend set no receiver in accept: it does not want messages. */
    private static final class Unclaimed implements Receiver {
        @Override
        public void message(byte[] message) {
            // nobody asked for it
        }

        @Override
        public void closed(io.kvferry.spi.@Nullable TransferError error) {
            // nobody asked for it
        }
    }
}
