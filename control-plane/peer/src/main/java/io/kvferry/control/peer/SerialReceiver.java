package io.kvferry.control.peer;

import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.TransferError;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Calls one receiver serially, whichever threads events come from. What comes before the receiver is kept.
 *
 * <p>Bounded by its user, which lets the next message in only after the last one was taken.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class SerialReceiver {
    /** A message, or the end where there is none. */
    private static final class Event {
        private final byte @Nullable [] message;
        private final @Nullable TransferError error;

        Event(byte @Nullable [] message, @Nullable TransferError error) {
            this.message = message;
            this.error = error;
        }
    }

    private final Queue<Event> events = new ConcurrentLinkedQueue<>();
    private final AtomicInteger pending = new AtomicInteger();
    private final Runnable taken;
    private final Consumer<RuntimeException> failed;
    private volatile PeerChannel.@Nullable Receiver receiver;
    private boolean closed;

    /**
     * Makes one without a receiver.
     *
     * @param taken called after each message was taken
     * @param failed told when the receiver threw
     */
    SerialReceiver(Runnable taken, Consumer<RuntimeException> failed) {
        this.taken = taken;
        this.failed = failed;
    }

    synchronized void set(PeerChannel.Receiver newReceiver) {
        if (receiver != null) {
            throw new IllegalStateException("the channel has a receiver");
        }
        receiver = newReceiver;
    }

    void message(byte[] body) {
        events.add(new Event(body, null));
        deliver();
    }

    /** Ends it; whatever comes later is dropped. */
    void closed(@Nullable TransferError error) {
        events.add(new Event(null, error));
        deliver();
    }

    /** Hands over what waits, unless another thread does so at this moment, which then takes these too. */
    void deliver() {
        PeerChannel.Receiver to = receiver;
        if (to == null || pending.getAndIncrement() != 0) {
            return;
        }
        int seen = 1;
        while (seen != 0) {
            for (Event event = events.poll(); event != null; event = events.poll()) {
                hand(to, event);
            }
            seen = pending.addAndGet(-seen);
        }
    }

    private void hand(PeerChannel.Receiver to, Event event) {
        if (closed) {
            return;
        }
        try {
            if (event.message != null) {
                to.message(event.message);
                taken.run();
            } else {
                closed = true;
                to.closed(event.error);
            }
        } catch (RuntimeException e) {
            failed.accept(e);
        }
    }
}
