package io.kvferry.backend.nccl;

import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * One side's end of a transfer's channel: what comes is decoded, counted and handed to the device thread, in its order.
 * Thread-safe.
 */
final class Talk implements PeerChannel.Receiver {
    /** More than any window can make; a peer that sends more does not keep to the protocol. */
    private static final int MAX_WAITING = 4 * Message.MAX_WINDOW;

    /** Who listens; called on the device thread. */
    interface Listener {
        /** The peer said something. */
        void heard(Message message);

        /** The channel has ended. */
        void closed(@Nullable TransferError error);
    }

    private final PeerChannel channel;
    private final TransferSide side;
    private final DeviceThread device;
    private final Listener listener;
    private final AtomicInteger waiting = new AtomicInteger();

    Talk(PeerChannel channel, TransferSide side, DeviceThread device, Listener listener) {
        this.channel = channel;
        this.side = side;
        this.device = device;
        this.listener = listener;
    }

    /** Begins to listen. */
    void start() {
        channel.receive(this);
    }

    /** Sends, and tells whether the peer will hear it unless the channel breaks. Does not block. */
    boolean say(Message message) {
        try {
            channel.send(message.encode());
            return true;
        } catch (TransferException e) {
            // a channel that ends tells its receivers, on both sides, why
            return false;
        }
    }

    @Override
    public void message(byte[] message) {
        if (waiting.incrementAndGet() > MAX_WAITING) {
            side.fail(
                    TransferErrorCode.PROTOCOL_ERROR,
                    "the peer sent " + MAX_WAITING + " messages faster than they can be taken");
            return;
        }
        device.execute(() -> {
            waiting.decrementAndGet();
            take(message);
        });
    }

    private void take(byte[] message) {
        try {
            listener.heard(Message.decode(message, side.blocks().size()));
        } catch (TransferException e) {
            side.fail(e.code(), e.error().detail());
        }
    }

    @Override
    public void closed(@Nullable TransferError error) {
        device.execute(() -> listener.closed(error));
    }
}
