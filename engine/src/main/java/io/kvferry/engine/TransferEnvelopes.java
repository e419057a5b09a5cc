package io.kvferry.engine;

import io.kvferry.spi.Descriptor;
import io.kvferry.spi.Envelope;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.Proposal;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.WireId;

/**
 * What the two backends of a transfer tell each other: the initiator's proposal in PREPARE, the target's descriptor in
 * PREPARED, each in an envelope that names the transfer it belongs to.
 */
final class TransferEnvelopes {
    private TransferEnvelopes() {}

    static Envelope seal(Proposal proposal, WireId wireId, TransferId id, int attempt, PeerIdentity initiator) {
        return Envelopes.seal(ofProposal(wireId, id, attempt, initiator), proposal);
    }

    /** At the target: throws PROTOCOL_ERROR where the proposal is not this request's. */
    static Proposal proposal(PeerRequest.Prepare prepare) {
        return new Proposal(Envelopes.open(
                ofProposal(prepare.wireId(), prepare.id(), prepare.attempt(), prepare.self()), prepare.proposal()));
    }

    static Envelope seal(
            Descriptor descriptor, WireId wireId, TransferId id, int attempt, long epoch, PeerIdentity target) {
        return Envelopes.seal(ofDescriptor(wireId, id, attempt, epoch, target), descriptor);
    }

    /** At the initiator: throws PROTOCOL_ERROR where the descriptor is not of this attempt. */
    static Descriptor descriptor(
            Envelope envelope, WireId wireId, TransferId id, int attempt, long epoch, PeerIdentity target) {
        return new Descriptor(Envelopes.open(ofDescriptor(wireId, id, attempt, epoch, target), envelope));
    }

    /** No epoch yet: the target gives it with the descriptor. */
    private static Envelopes.Address ofProposal(WireId wireId, TransferId id, int attempt, PeerIdentity initiator) {
        return new Envelopes.Address(Envelopes.Kind.PROPOSAL, wireId, id, attempt, 0, initiator.bootId());
    }

    private static Envelopes.Address ofDescriptor(
            WireId wireId, TransferId id, int attempt, long epoch, PeerIdentity target) {
        return new Envelopes.Address(Envelopes.Kind.DESCRIPTOR, wireId, id, attempt, epoch, target.bootId());
    }
}
