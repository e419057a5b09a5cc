package io.kvferry.spi;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The target's answer to a {@link PeerRequest}. A refusal is not a reply: it fails the call with its error.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @since 0.1.0
 */
public sealed interface PeerReply {
    /**
     * Answers HELLO.
     *
     * @param self the sender
     * @param protocol the generation that both will speak
     * @param software name and version, for people
     * @param compatibility what both must agree on beyond the protocol; empty for anything
     * @param offers the backends the sender has open
     */
    record Welcome(PeerIdentity self, int protocol, String software, String compatibility, List<BackendOffer> offers)
            implements PeerReply {
        /**
         * Copies the list.
         */
        public Welcome {
            offers = List.copyOf(offers);
        }
    }

    /**
     * Answers PREPARE.
     *
     * @param epoch number of this attempt's life on the target, never 0
     * @param descriptor the target's backend's descriptor
     * @param remainingNanos how long the lease lasts, counted from when the request was sent
     * @param unmatched positions of the request's blocks that no leased block matches; they are left out
     */
    record Prepared(long epoch, Envelope descriptor, long remainingNanos, List<Integer> unmatched)
            implements PeerReply {
        /**
         * Copies the list.
         */
        public Prepared {
            unmatched = List.copyOf(unmatched);
        }
    }

    /**
     * Answers FINISH.
     *
     * @param outcome what the target decided, once: COMPLETED, FAILED, CANCELLED or TIMED_OUT
     * @param error why, or null for COMPLETED
     */
    record Finished(TransferState outcome, @Nullable TransferError error) implements PeerReply {}

    /**
     * Answers NOTIFY.
     *
     * @param payload what the handler answered
     */
    record Notified(Payload payload) implements PeerReply {}

    /** Answers PART and CANCEL. */
    record Ack() implements PeerReply {
        /** The only value worth having. */
        public static final Ack INSTANCE = new Ack();
    }
}
