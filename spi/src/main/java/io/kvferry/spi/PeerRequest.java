package io.kvferry.spi;

import java.util.List;

/**
 * A message from the initiator's engine to the target's. Every one has exactly one kind of answer.
 *
 * <p>Remaining time travels beside the message, as a duration. <b>Threads:</b> Immutable.
 *
 * @param <R> its answer
 * @since 0.1.0
 */
public sealed interface PeerRequest<R extends PeerReply> {
    /**
     * Meets a peer: who, which protocol, which backends.
     *
     * @param self the sender
     * @param protocol highest generation of peer control the sender speaks, from 1
     * @param software name and version, for people
     * @param compatibility what both must agree on beyond the protocol (chunk size, key scheme); empty for anything
     * @param offers the backends the sender has open
     */
    record Hello(PeerIdentity self, int protocol, String software, String compatibility, List<BackendOffer> offers)
            implements PeerRequest<PeerReply.Welcome> {
        /**
         * Copies the list.
         */
        public Hello {
            offers = List.copyOf(offers);
        }
    }

    /**
     * Asks to use a lease.
     *
     * @param id the transfer
     * @param attempt from 1, higher than any attempt before
     * @param operation what the initiator wants to do
     * @param self the sender
     * @param target the process that is meant
     * @param wireId protocol of the backend the sender chose
     * @param blocks what the initiator has
     * @param proposal the initiator's backend's proposal
     * @param horizonNanos how long the sender will repeat FINISH; a target that has ended the attempt before remembers
     *     the end for as long, up to a bound of its own. 0 for one FINISH only
     */
    record Prepare(
            TransferId id,
            int attempt,
            Operation operation,
            PeerIdentity self,
            PeerIdentity target,
            WireId wireId,
            BlockKeys blocks,
            Envelope proposal,
            long horizonNanos)
            implements PeerRequest<PeerReply.Prepared> {}

    /**
     * Says that a part is applied, where the target cannot see it.
     *
     * @param id the transfer
     * @param attempt its attempt
     * @param self the sender
     * @param epoch the lease's epoch from PREPARED
     * @param blocks positions in the matched blocks
     */
    record Part(TransferId id, int attempt, PeerIdentity self, long epoch, BlockRange blocks)
            implements PeerRequest<PeerReply.Ack> {}

    /**
     * Says that the initiator gives up, before it stops its own I/O.
     *
     * @param id the transfer
     * @param attempt its attempt
     * @param self the sender
     */
    record Cancel(TransferId id, int attempt, PeerIdentity self) implements PeerRequest<PeerReply.Ack> {}

    /**
     * Ends an attempt. Repeated until answered; answered the same way each time.
     *
     * @param id the transfer
     * @param attempt its attempt
     * @param self the sender
     * @param epoch the lease's epoch from PREPARED; 0 where no PREPARED arrived
     * @param outcome COMPLETED, FAILED, CANCELLED or TIMED_OUT, as the initiator saw it
     * @param bytes bytes the initiator knows to be applied
     * @param blocks blocks the initiator knows to be applied
     */
    record Finish(
            TransferId id, int attempt, PeerIdentity self, long epoch, TransferState outcome, long bytes, int blocks)
            implements PeerRequest<PeerReply.Finished> {}

    /**
     * Carries an application's message.
     *
     * @param self the sender
     * @param topic which handler, 1 to 128 characters
     * @param payload the body
     */
    record Notify(PeerIdentity self, String topic, Payload payload) implements PeerRequest<PeerReply.Notified> {}
}
