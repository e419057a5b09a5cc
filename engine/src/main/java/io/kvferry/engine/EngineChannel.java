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
    private static final int MAX_WAITING_BYTES = 1 << 20;

    private final Object lock = new Object();
    // guarded by lock
    private final Queue<byte[]> waiting = new ArrayDeque<>();
    private int waitingBytes;
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
            // under the lock, so that a message sent meanwhile cannot overtake these; send never blocks
            waiting.forEach(channel::send);
            waiting.clear();
        }
        if (known != null) {
            channel.receive(known);
        }
    }

    @Override
    public void send(byte[] message) {
        PeerChannel known;
        synchronized (lock) {
            known = connected;
            if (known == null) {
                if (closed || waitingBytes + message.length > MAX_WAITING_BYTES) {
                    throw new TransferException(
                            closed ? TransferErrorCode.CONTROL_FAILED : TransferErrorCode.RESOURCE_EXHAUSTED,
                            Stage.TRANSFER,
                            closed ? "the channel is closed" : waitingBytes + " bytes wait for the initiator already");
                }
                waiting.add(message.clone());
                waitingBytes += message.length;
                return;
            }
        }
        known.send(message);
    }

    @Override
    public void receive(Receiver newReceiver) {
        PeerChannel known;
        synchronized (lock) {
            if (receiver != null) {
                throw new IllegalStateException("a receiver is set");
            }
            receiver = newReceiver;
            known = connected;
        }
        if (known != null) {
            known.receive(newReceiver);
        }
    }

    @Override
    public void close() {
        PeerChannel known;
        Receiver lonely;
        synchronized (lock) {
            known = connected;
            lonely = closed || known != null ? null : receiver;
            closed = true;
            waiting.clear();
        }
        if (known != null) {
            known.close();
        } else if (lonely != null) {
            lonely.closed(null);
        }
    }
}
