package io.kvferry.engine;

import io.kvferry.spi.BackendLimits;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.Capability;
import io.kvferry.spi.ChecksumMode;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Descriptor;
import io.kvferry.spi.ForeignTarget;
import io.kvferry.spi.InitiatorPlan;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.PeerControl;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferState;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Prepares transfers: meets the peer, chooses the backend, gets the target's descriptor and lets the backend connect.
 *
 * <p><b>Threads:</b> Thread-safe; prepare blocks its caller.
 */
final class Initiator {
    private static final Logger LOG = LoggerFactory.getLogger(Initiator.class);

    private final EngineContext context;
    private final Backends backends;
    private final MemoryRegistry memory;
    private final Quarantine quarantine;
    private final Peers peers;
    private final PeerControl peerControl;
    private final Finisher finisher;
    private final ForeignTargets foreigners;
    private final List<TransferListener> listeners;
    private final int maxTransfers;
    private final long leaseGuardNanos;
    private final ConcurrentHashMap<Key, Transfer> transfers = new ConcurrentHashMap<>();
    private volatile boolean closed;

    /** What is unique among the transfers in hand. */
    record Key(TransferId id, int attempt) {}

    Initiator(
            EngineContext context,
            Backends backends,
            MemoryRegistry memory,
            Quarantine quarantine,
            Peers peers,
            PeerControl peerControl,
            List<TransferListener> listeners) {
        this.context = context;
        this.backends = backends;
        this.memory = memory;
        this.quarantine = quarantine;
        this.peers = peers;
        this.peerControl = peerControl;
        this.listeners = listeners;
        this.finisher = new Finisher(context, peerControl);
        this.foreigners = new ForeignTargets(context, backends, memory, quarantine);
        this.maxTransfers = context.settings().get(EngineConfigKeys.MAX_TRANSFERS);
        this.leaseGuardNanos =
                context.settings().get(EngineConfigKeys.LEASE_GUARD).toNanos();
    }

    /** @param foreign the target where it knows no peer control, else null */
    Transfer prepare(TransferRequest request, @Nullable ForeignTarget foreign, Deadline callerDeadline) {
        quarantine.checkRoom(Stage.PREPARE);
        context.waits().checkClock(callerDeadline);
        Deadline own = request.deadline();
        if (own != null) {
            context.waits().checkClock(own);
        }
        Deadline whole = own != null ? own : context.after(context.settings().get(EngineConfigKeys.TRANSFER_TIMEOUT));
        Transfer transfer = admit(request);
        try {
            Deadline until = callerDeadline.earlier(whole);
            transfer.prepared(
                    foreign == null
                            ? prepare(transfer, request, until, whole)
                            : foreigners.prepare(transfer, request, foreign, until, whole));
            if (closed) {
                throw closing();
            }
            return transfer;
        } catch (RuntimeException | Error e) {
            TransferException failure = Failures.of(e, Stage.PREPARE);
            if (transfer.isPrepared()) {
                transfer.abandon(failure);
            } else {
                forget(transfer);
                transfer.refused(failure);
            }
            throw failure;
        }
    }

    private Transfer admit(TransferRequest request) {
        if (closed) {
            throw closing();
        }
        if (transfers.size() >= maxTransfers) {
            throw new TransferException(
                    TransferErrorCode.RESOURCE_EXHAUSTED,
                    Stage.PREPARE,
                    transfers.size() + " transfers are in hand = kvferry.max-transfers; finish some or raise the key");
        }
        Transfer transfer = new Transfer(
                this,
                request,
                ListenerCalls.of(request.id(), listeners, request.listener(), context.executor()),
                context.ticker().nanos());
        Transfer other = transfers.putIfAbsent(transfer.key(), transfer);
        if (other != null) {
            throw new TransferException(
                    TransferErrorCode.ALREADY_EXISTS,
                    Stage.PREPARE,
                    other + " is in hand already; a retry takes a higher attempt");
        }
        return transfer;
    }

    private Transfer.Prepared prepare(Transfer transfer, TransferRequest request, Deadline deadline, Deadline whole) {
        try {
            return prepareOnce(transfer, request, deadline, whole);
        } catch (TransferException e) {
            if (e.code() != TransferErrorCode.PEER_RESTARTED || !Failures.isRestartRefusal(e.error())) {
                throw e;
            }
            // the target's new process refused what was meant for its old one: meet it, and nothing has happened
            LOG.debug("{}: {}; meeting it again", request.peer(), e.getMessage());
            peers.forget(request.peer());
            return prepareOnce(transfer, request, deadline, whole);
        }
    }

    private Transfer.Prepared prepareOnce(
            Transfer transfer, TransferRequest request, Deadline deadline, Deadline whole) {
        Peers.Met met = peers.meet(request.peer(), deadline);
        ChecksumMode checksum = checksum(request);
        Selection selection = Selection.select(request, checksum, backends, met);
        checkLimits(request.blocks(), selection.backend());
        MemoryHold hold = new MemoryHold(
                context,
                memory,
                quarantine,
                request.blocks(),
                selection.backend(),
                request.id(),
                request.attempt(),
                Side.INITIATOR);
        try {
            return agree(transfer, request, deadline, whole, met, selection, checksum, hold);
        } catch (RuntimeException | Error e) {
            // the backend's prepare did not return a transfer, so its data plane knows no memory of it
            hold.release();
            throw e;
        }
    }

    private ChecksumMode checksum(TransferRequest request) {
        ChecksumMode asked = request.checksum();
        return asked != null ? asked : context.settings().get(EngineConfigKeys.CHECKSUM);
    }

    static void checkLimits(BlockList blocks, OpenBackend backend) {
        BackendLimits limits = backend.info().limits();
        if (blocks.size() > limits.maxBlocks()) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.PREPARE,
                    blocks.size() + " blocks > " + limits.maxBlocks() + " that backend " + backend.name()
                            + " takes in one transfer");
        }
        if (limits.maxBlockBytes() == Long.MAX_VALUE) {
            return;
        }
        for (int i = 0; i < blocks.size(); i++) {
            if (blocks.length(i) > limits.maxBlockBytes()) {
                throw new TransferException(
                        TransferErrorCode.INVALID_REQUEST,
                        Stage.PREPARE,
                        "block " + blocks.key(i) + " has " + blocks.length(i) + " bytes > " + limits.maxBlockBytes()
                                + " that backend " + backend.name() + " takes in one block");
            }
        }
    }

    private Transfer.Prepared agree(
            Transfer transfer,
            TransferRequest request,
            Deadline deadline,
            Deadline whole,
            Peers.Met met,
            Selection selection,
            ChecksumMode checksum,
            MemoryHold hold) {
        InitiatorPlan plan = new InitiatorPlan(
                request.id(),
                request.attempt(),
                request.operation(),
                context.self(),
                met.identity(),
                selection.endpoint(),
                request.blocks(),
                memory.handles(request.blocks(), selection.backend()),
                checksum,
                whole,
                transfer.observer(),
                null);
        long sentNanos = context.ticker().nanos();
        PeerReply.Prepared reply = ask(request, met, selection, plan, deadline);
        PeerChannel channel = null;
        try {
            Deadline leaseEnd = leaseEnd(sentNanos, reply);
            boolean leaseIsFirst = leaseEnd.atNanos() - whole.atNanos() < 0;
            Deadline bound = leaseIsFirst ? leaseEnd : whole;
            Positions positions = positions(request, reply);
            BlockList matched = positions == Positions.SAME
                    ? request.blocks()
                    : request.blocks().select(positions.originals());
            if (selection.backend().info().can(Capability.PEER_CHANNEL)) {
                channel = openChannel(request, reply, bound);
            }
            InitiatorTransfer io = selection
                    .backend()
                    .backend()
                    .prepare(
                            agreed(plan, matched, bound, channel, selection),
                            descriptor(request, met, selection, reply),
                            deadline.earlier(bound));
            return new Transfer.Prepared(
                    selection,
                    met.name(),
                    matched,
                    positions,
                    io,
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
            finishUnprepared(request, reply.epoch(), failure);
            forgetIfGone(request, failure);
            throw failure;
        }
    }

    /** Anchored where the request was sent: the reply may have been under way for long (R2). */
    private Deadline leaseEnd(long sentNanos, PeerReply.Prepared reply) {
        if (reply.epoch() == 0) {
            throw new TransferException(
                    TransferErrorCode.PROTOCOL_ERROR, Stage.PREPARE, "the target answered PREPARED without an epoch");
        }
        if (reply.remainingNanos() <= leaseGuardNanos) {
            throw new TransferException(
                    TransferErrorCode.LEASE_ENDED,
                    Stage.PREPARE,
                    "the lease has " + reply.remainingNanos() + " ns left, less than kvferry.lease-guard");
        }
        long usable = Math.min(reply.remainingNanos() - leaseGuardNanos, Long.MAX_VALUE / 4);
        return Deadline.atNanos(sentNanos + usable, context.ticker());
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

    private InitiatorPlan agreed(
            InitiatorPlan proposed,
            BlockList matched,
            Deadline bound,
            @Nullable PeerChannel channel,
            Selection selection) {
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
                memory.handles(matched, selection.backend()),
                proposed.checksum(),
                bound,
                proposed.observer(),
                channel);
    }

    private PeerReply.Prepared ask(
            TransferRequest request, Peers.Met met, Selection selection, InitiatorPlan plan, Deadline deadline) {
        OpenBackend backend = selection.backend();
        PeerRequest.Prepare prepare = new PeerRequest.Prepare(
                request.id(),
                request.attempt(),
                request.operation(),
                context.self(),
                met.identity(),
                backend.info().wireId(),
                request.blocks().blockKeys(),
                Envelopes.seal(
                        new Envelopes.Address(
                                Envelopes.Kind.PROPOSAL,
                                backend.info().wireId(),
                                request.id(),
                                request.attempt(),
                                0,
                                context.self().bootId()),
                        backend.backend().propose(plan)),
                finisher.horizon().toNanos());
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
                // the target may have accepted all the same (R5)
                finishUnprepared(request, 0, e);
            }
            forgetIfGone(request, e);
            throw e;
        }
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

    private void finishUnprepared(TransferRequest request, long epoch, TransferException failure) {
        TransferState outcome =
                failure.code() == TransferErrorCode.DEADLINE_EXCEEDED ? TransferState.TIMED_OUT : TransferState.FAILED;
        finisher.tell(
                request.peer(),
                new PeerRequest.Finish(request.id(), request.attempt(), context.self(), epoch, outcome, 0, 0),
                null);
    }

    private static Positions positions(TransferRequest request, PeerReply.Prepared reply) {
        if (reply.unmatched().isEmpty()) {
            return Positions.SAME;
        }
        int size = request.blocks().size();
        for (int position : reply.unmatched()) {
            if (position < 0 || position >= size) {
                throw new TransferException(
                        TransferErrorCode.PROTOCOL_ERROR,
                        Stage.PREPARE,
                        "the target left out block " + position + " of " + size);
            }
        }
        Positions positions = Positions.without(reply.unmatched(), size);
        if (positions.originals().length == 0) {
            throw new TransferException(
                    TransferErrorCode.PROTOCOL_ERROR, Stage.PREPARE, "the target left out every block");
        }
        return positions;
    }

    private static Descriptor descriptor(
            TransferRequest request, Peers.Met met, Selection selection, PeerReply.Prepared reply) {
        return new Descriptor(Envelopes.open(
                new Envelopes.Address(
                        Envelopes.Kind.DESCRIPTOR,
                        selection.backend().info().wireId(),
                        request.id(),
                        request.attempt(),
                        reply.epoch(),
                        met.identity().bootId()),
                reply.descriptor()));
    }

    /** Ends the backend's side; a backend that throws has proved nothing. */
    Quiescence finishBackend(InitiatorTransfer io, TransferId id) {
        try {
            return io.finish(finishDeadline());
        } catch (RuntimeException | Error e) {
            LOG.error("transfer {}: the backend could not finish; its memory goes into quarantine", id, e);
            return Quiescence.QUARANTINED;
        }
    }

    Deadline finishDeadline() {
        return context.after(context.settings().get(EngineConfigKeys.FINISH_GRACE));
    }

    EngineContext context() {
        return context;
    }

    PeerControl peerControl() {
        return peerControl;
    }

    Finisher finisher() {
        return finisher;
    }

    void forget(Transfer transfer) {
        transfers.remove(transfer.key(), transfer);
    }

    /**
     * Refuses everything new and ends every transfer, each on a thread of its own; those that are being prepared end by
     * themselves.
     *
     * @return completes when all have been told to end
     */
    CompletableFuture<Void> close() {
        closed = true;
        context.waits().beginClose(closing());
        return CompletableFuture.allOf(transfers.values().stream()
                .filter(Transfer::isPrepared)
                .map(transfer -> CompletableFuture.runAsync(transfer::finish, context.executor()))
                .toArray(CompletableFuture<?>[]::new));
    }

    private static TransferException closing() {
        return new TransferException(TransferErrorCode.SHUTTING_DOWN, Stage.PREPARE, "this engine is closing");
    }

    /** Lets targets hear the ends of their transfers, so that they need not wait for their leases to expire. */
    void awaitFinishes(Deadline deadline) {
        finisher.awaitSent(deadline);
    }

    Collection<Transfer> inHand() {
        return transfers.values();
    }
}
