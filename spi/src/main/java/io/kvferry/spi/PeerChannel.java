package io.kvferry.spi;

import org.jspecify.annotations.Nullable;

/**
 * Messages between the two sides of one transfer: in order and exactly once, or broken. Open after PREPARED and until
 * either side has finished and is quiescent, so that what both have begun can be drained over it; without order against
 * the data plane.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public interface PeerChannel {
    /**
     * Sends a message. Does not block; what cannot be sent yet is queued, up to a bound.
     *
     * @param message the body; copied or written before this returns
     * @throws TransferException RESOURCE_EXHAUSTED when the queue is full, which also breaks the channel; CONTROL_FAILED
     *     once it is broken; INVALID_REQUEST for a message over the limit
     */
    void send(byte[] message);

    /**
     * Sets who receives. Messages that came before are delivered first.
     *
     * @param receiver called serially, never concurrently
     * @throws IllegalStateException if a receiver was set before
     */
    void receive(Receiver receiver);

    /** Ends the channel; the other side's receiver hears {@code closed(null)}. Does not block. Idempotent. */
    void close();

    /**
     * Receives what the other side sends. However a channel ends, the receivers of both sides hear {@code closed} once.
     * Called serially, on a thread of peer control: methods do not block and do not throw.
     */
    interface Receiver {
        /**
         * A message arrived.
         *
         * @param message the body; belongs to the receiver
         */
        void message(byte[] message);

        /**
         * The channel has ended; the last call.
         *
         * @param error why it broke, or null after an orderly close of either side
         */
        void closed(@Nullable TransferError error);
    }
}
