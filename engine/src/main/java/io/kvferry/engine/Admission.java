package io.kvferry.engine;

import io.kvferry.spi.Capability;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Descriptor;
import io.kvferry.spi.MemoryHandle;
import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.TargetPlan;
import io.kvferry.spi.TargetTransfer;
import io.kvferry.spi.TransferObserver;
import io.kvferry.spi.TransferState;
import io.kvferry.spi.TransferStatus;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a peer's attempt was let in with.
 *
 * @param request what its initiator asked
 * @param match the leased blocks that it is about
 * @param backend which moves them
 * @param hold their memory
 * @param epoch number of its life here; only its initiator is told
 */
record Admission(PeerRequest.Prepare request, LeaseMatch match, OpenBackend backend, MemoryHold hold, long epoch) {
    private static final Logger LOG = LoggerFactory.getLogger(Admission.class);

    /** What the backend accepts. */
    TargetPlan plan(
            PeerIdentity self,
            List<MemoryHandle> handles,
            Deadline leaseDeadline,
            TransferObserver observer,
            PeerChannel channel) {
        return new TargetPlan(
                request.id(),
                request.attempt(),
                epoch,
                request.operation(),
                self,
                request.self(),
                match.blocks(),
                handles,
                leaseDeadline,
                observer,
                backend.info().can(Capability.PEER_CHANNEL) ? channel : null);
    }

    /** PREPARED. */
    PeerReply.Prepared reply(PeerIdentity self, Descriptor descriptor, long remainingNanos) {
        return new PeerReply.Prepared(
                epoch,
                TransferEnvelopes.seal(
                        descriptor, backend.info().wireId(), request.id(), request.attempt(), epoch, self),
                remainingNanos,
                match.unmatched());
    }

    /** The backend's view; one that has not accepted, or throws, knows nothing. */
    TransferStatus snapshot(@Nullable TargetTransfer io) {
        if (io != null) {
            try {
                return io.status();
            } catch (RuntimeException | Error e) {
                LOG.error("{}: the backend has no status", hold, e);
            }
        }
        return new TransferStatus(
                TransferState.PREPARING,
                0,
                match.blocks().totalBytes(),
                0,
                match.blocks().size(),
                null);
    }

    /**
     * Seals and finishes the backend's side, and settles the memory: it is quiescent where the backend says so, and either
     * the initiator is done or the backend can keep it out; a backend that throws has proved nothing.
     */
    void finish(TargetTransfer io, Ending outcome, Deadline grace) {
        Quiescence answer;
        try {
            io.seal();
            answer = io.finish(grace);
        } catch (RuntimeException | Error e) {
            LOG.error("{}: the backend could not finish; its memory goes into quarantine", hold, e);
            answer = Quiescence.QUARANTINED;
        }
        boolean initiatorIsDone = outcome.state() == TransferState.COMPLETED;
        boolean canRevoke = backend.info().can(Capability.REVOKE);
        hold.settle(initiatorIsDone || canRevoke ? answer : Quiescence.QUARANTINED);
    }
}
