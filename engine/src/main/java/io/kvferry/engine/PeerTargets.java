package io.kvferry.engine;

import io.kvferry.spi.BlockList;
import io.kvferry.spi.Capability;
import io.kvferry.spi.ChecksumMode;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.InitiatorPlan;
import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.PeerControl;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferObserver;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Prepares transfers whose other side is an engine too: meets it, chooses the backend, asks for its lease, and lets the
 * backend connect on the terms that it answered.
 *
 * <p><b>Threads:</b> Thread-safe; prepare blocks its callers.
 */
final class PeerTargets {
    private static final Logger LOG = LoggerFactory.getLogger(PeerTargets.class);

    private final EngineContext context;
    private final Backends backends;
    private final MemoryHolds holds;
    private final Peers peers;
    private final PeerControl peerControl;
    private final TargetNotices notices;
    private final long leaseGuardNanos;

    PeerTargets(
            EngineContext context,
            Backends backends,
            MemoryHolds holds,
            Peers peers,
            PeerControl peerControl,
            TargetNotices notices) {
        this.context = context;
        this.backends = backends;
        this.holds = holds;
        this.peers = peers;
        this.peerControl = peerControl;
        this.notices = notices;
        this.leaseGuardNanos =
                context.settings().get(EngineConfigKeys.LEASE_GUARD).toNanos();
    }

    /**
     * Prepares, or leaves nothing behind but a FINISH under way.
     *
     * @param observer hears the backend
     * @param deadline until when to wait
     * @param whole when the transfer times out
     */
    Prepared prepare(TransferRequest request, TransferObserver observer, Deadline deadline, Deadline whole) {
        try {
            return prepareOnce(request, observer, deadline, whole);
        } catch (TransferException e) {
            if (!Failures.isRestartRefusal(e.error())) {
                throw e;
            }
            // the target's new process refused what was meant for its old one: meet it, and nothing has happened
            LOG.debug("{}: {}; meeting it again", request.peer(), e.getMessage());
            peers.forget(request.peer());
            return prepareOnce(request, observer, deadline, whole);
        }
    }

    private Prepared prepareOnce(
            TransferRequest request, TransferObserver observer, Deadline deadline, Deadline whole) {
        Peers.Met met = peers.meet(request.peer(), deadline);
        ChecksumMode asked = request.checksum();
        ChecksumMode checksum = asked != null ? asked : context.settings().get(EngineConfigKeys.CHECKSUM);
        Selection selection = Selection.select(request, checksum, backends, met);
        MemoryHold hold = holds.initiator(request, selection.backend());
        try {
            InitiatorPlan plan = new InitiatorPlan(
                    request.id(),
                    request.attempt(),
                    request.operation(),
                    context.self(),
                    met.identity(),
                    selection.endpoint(),
                    request.blocks(),
                    holds.handles(request.blocks(), selection.backend()),
                    checksum,
                    whole,
                    observer,
                    null);
            long sentNanos = context.ticker().nanos();
            PeerReply.Prepared reply = ask(request, met, selection.backend(), plan, deadline);
            return connect(request, met, selection, hold, plan, reply, sentNanos, deadline);
        } catch (RuntimeException | Error e) {
            // the backend's prepare did not return a transfer, so its data plane knows no memory of it
            hold.release();
            throw e;
        }
    }

    /** PREPARE. Where it is not known what the target did with it, FINISH follows (R5). */
    private PeerReply.Prepared ask(
            TransferRequest request, Peers.Met met, OpenBackend backend, InitiatorPlan plan, Deadline deadline) {
        PeerRequest.Prepare prepare = new PeerRequest.Prepare(
                request.id(),
                request.attempt(),
                request.operation(),
                context.self(),
                met.identity(),
                backend.info().wireId(),
                request.blocks().blockKeys(),
                TransferEnvelopes.seal(
                        backend.backend().propose(plan),
                        backend.info().wireId(),
                        request.id(),
                        request.attempt(),
                        context.self()),
                notices.horizonNanos());
        try {
            return context.waits()
                    .get(
                            peerControl.call(request.peer(), prepare, deadline),
                            deadline,
                            Stage.PREPARE,
                            "PREPARED from ",
                            request.peer());
        } catch (TransferException e) {
            if (!Failures.isRefusal(e.error()) && !Failures.isRestartRefusal(e.error())) {
                notices.unprepared(request, 0, e);
            }
            forgetIfGone(request, e);
            throw e;
        }
    }

    /** The target has said yes: what fails from here on is told to it. */
    private Prepared connect(
            TransferRequest request,
            Peers.Met met,
            Selection selection,
            MemoryHold hold,
            InitiatorPlan proposed,
            PeerReply.Prepared reply,
            long sentNanos,
            Deadline deadline) {
        OpenBackend backend = selection.backend();
        PeerChannel channel = null;
        try {
            Deadline whole = proposed.deadline();
            Deadline leaseEnd = PreparedTerms.leaseEnd(reply, sentNanos, leaseGuardNanos, context.ticker());
            boolean leaseIsFirst = leaseEnd.atNanos() - whole.atNanos() < 0;
            Deadline bound = leaseIsFirst ? leaseEnd : whole;
            Positions positions = PreparedTerms.matched(reply, request.blocks().size());
            BlockList matched = positions == Positions.SAME
                    ? request.blocks()
                    : request.blocks().select(positions.originals());
            if (backend.info().can(Capability.PEER_CHANNEL)) {
                channel = openChannel(request, reply, bound);
            }
            return new Prepared(
                    selection,
                    met.name(),
                    matched,
                    positions,
                    backend.backend()
                            .prepare(
                                    agreed(proposed, matched, bound, channel, backend),
                                    TransferEnvelopes.descriptor(
                                            reply.descriptor(),
                                            backend.info().wireId(),
                                            request.id(),
                                            request.attempt(),
                                            reply.epoch(),
                                            met.identity()),
                                    deadline.earlier(bound)),
                    channel,
                    hold,
                    reply.epoch(),
                    bound,
                    leaseIsFirst ? "the target's lease" : "the transfer's deadline");
        } catch (RuntimeException | Error e) {
            if (channel != null) {
                channel.close();
            }
            TransferException failure = Failures.of(e, Stage.PREPARE);
            notices.unprepared(request, reply.epoch(), failure);
            forgetIfGone(request, failure);
            throw failure;
        }
    }

    /** The channel outlives the transfer's deadline, so that this is seen as a deadline and not as a broken channel. */
    private PeerChannel openChannel(TransferRequest request, PeerReply.Prepared reply, Deadline bound) {
        long grace = context.settings().get(EngineConfigKeys.FINISH_GRACE).toNanos();
        return peerControl.openChannel(
                request.peer(),
                request.id(),
                request.attempt(),
                reply.epoch(),
                Deadline.atNanos(bound.atNanos() + grace, context.ticker()));
    }

    /** The plan with what the target's terms change in it. */
    private InitiatorPlan agreed(
            InitiatorPlan proposed,
            BlockList matched,
            Deadline bound,
            @Nullable PeerChannel channel,
            OpenBackend backend) {
        if (matched == proposed.blocks() && bound.equals(proposed.deadline()) && channel == null) {
            return proposed;
        }
        return new InitiatorPlan(
                proposed.id(),
                proposed.attempt(),
                proposed.operation(),
                proposed.self(),
                proposed.peer(),
                proposed.peerEndpoint(),
                matched,
                holds.handles(matched, backend),
                proposed.checksum(),
                bound,
                proposed.observer(),
                channel);
    }

    /** What was met may be a process that is gone; the next transfer finds out. */
    private void forgetIfGone(TransferRequest request, TransferException e) {
        switch (e.code()) {
            case CONTROL_FAILED, CONNECTION_FAILED, DEADLINE_EXCEEDED, PEER_LOST, PEER_RESTARTED, INCOMPATIBLE_PEER ->
                peers.forget(request.peer());
            default -> {
                // the peer is there
            }
        }
    }
}
