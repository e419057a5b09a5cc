package io.kvferry.backend.tcp;

import io.kvferry.netty.EventLoops;
import io.kvferry.netty.HostMemory;
import io.kvferry.spi.AbortScope;
import io.kvferry.spi.BackendEndpoint;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.BackendInfo;
import io.kvferry.spi.BackendLimits;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.Capability;
import io.kvferry.spi.ChecksumMode;
import io.kvferry.spi.CloseReport;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Descriptor;
import io.kvferry.spi.InitiatorPlan;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.Isolation;
import io.kvferry.spi.LeaseKey;
import io.kvferry.spi.MemoryHandle;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Proposal;
import io.kvferry.spi.ResetScope;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TargetPlan;
import io.kvferry.spi.TargetTransfer;
import io.kvferry.spi.TimedWait;
import io.kvferry.spi.TransferBackend;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.WireId;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongFunction;

/**
 * One instance of the TCP backend: a listener, the lanes to and from peers, and the transfers on them. Sockets receive
 * straight into registered memory and send straight from it. Thread-safe.
 *
 * <p>Evidence: a WRITE is applied when the target acknowledges, which it does after the last byte of a block is in memory
 * and the frame's CRC32C (over all bytes of a frame, which may hold many blocks or a part of one) has been compared; a
 * READ when the same has happened here. Quiescence: of a sender, no window on its memory is in a channel's queue; of a
 * receiver, no frame lands in it.
 */
@SuppressWarnings("FutureReturnValueIgnored") // what fails here closes the channel, and that is heard
final class TcpBackend implements TransferBackend {
    static final String NAME = "tcp";

    private final TcpTransport transport;
    private final TcpBackendConfig config;
    private final LaneScope scope;
    private final EventLoopGroup loops;
    private final LaneSet lanes;
    private final Acceptor acceptor;
    private final Dialer dialer;
    private final AtomicBoolean closing = new AtomicBoolean();
    private TcpEndpoint endpoint;

    private TcpBackend(TcpTransport transport, TcpBackendConfig config, BackendEnvironment environment) {
        this.transport = transport;
        this.config = config;
        this.scope = new LaneScope(
                config,
                TcpEndpoint.randomInstance(),
                environment.ticker(),
                environment.scheduler(),
                new TransferTable(config.maxTransfers()),
                new TransferTable(config.maxTransfers()),
                new AtomicLong());
        this.loops = new MultiThreadIoEventLoopGroup(
                config.eventLoopThreads(), new DefaultThreadFactory("kvferry-tcp", true), transport.ioHandlers());
        this.lanes = new LaneSet(scope);
        this.acceptor = new Acceptor(transport, scope, loops, lanes);
        this.dialer = new Dialer(transport, scope, loops, lanes);
        this.endpoint = new TcpEndpoint(config.advertisedHost(), 0, scope.instance());
    }

    /** Starts to listen. */
    static TcpBackend open(
            TcpTransport transport, TcpBackendConfig config, BackendEnvironment environment, Deadline deadline) {
        if (!TcpEndpoint.isHost(config.advertisedHost())) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.OPEN,
                    "kvferry.tcp.advertised-host='" + config.advertisedHost()
                            + "' is no host name or address that a peer could dial");
        }
        TcpBackend backend = new TcpBackend(transport, config, environment);
        try {
            backend.endpoint = backend.acceptor.listen(deadline);
            return backend;
        } catch (RuntimeException failed) {
            backend.close(deadline);
            throw failed;
        }
    }

    @Override
    public BackendInfo info() {
        return new BackendInfo(
                NAME,
                new WireId("kvferry-tcp", FrameHeader.PROTOCOL_VERSION),
                EnumSet.of(
                        Capability.READ,
                        Capability.WRITE,
                        Capability.HOST_MEMORY,
                        Capability.CHECKSUM,
                        Capability.PEER_CONTROL,
                        Capability.REVOKE,
                        Capability.CANCEL_IN_FLIGHT,
                        Capability.TARGET_PROGRESS),
                Isolation.LEASE,
                AbortScope.CONNECTION,
                new BackendLimits(Long.MAX_VALUE, Integer.MAX_VALUE, config.maxTransfers()),
                "TCP by " + transport.name().replace('_', '-').toLowerCase(Locale.ROOT) + " on " + endpoint + ", "
                        + config.lanes() + " lanes per peer, " + config.eventLoopThreads() + " event loops");
    }

    @Override
    public BackendEndpoint endpoint() {
        return endpoint.encode();
    }

    @Override
    public MemoryHandle register(MemoryRegion region, Deadline deadline) {
        checkOpen(Stage.REGISTER);
        return HostMemory.register(this, NAME, region);
    }

    @Override
    public Proposal propose(InitiatorPlan plan) {
        return new TcpProposal(scope.instance()).encode();
    }

    @Override
    public TargetTransfer accept(TargetPlan plan, Proposal proposal, Deadline deadline) {
        checkOpen(Stage.OFFER);
        long peerInstance = TcpProposal.decode(proposal).instance();
        TcpTransfer.Terms terms = new TcpTransfer.Terms(
                Side.TARGET,
                plan.id(),
                plan.attempt(),
                plan.operation(),
                plan.peer(),
                peerInstance,
                plan.blocks(),
                HostMemory.of(this, NAME, plan.blocks(), plan.handles()),
                true,
                plan.observer());
        TcpTransfer transfer = add(
                scope.leases(),
                slot -> new TcpTransfer(terms, scope.leases(), slot, new TcpLease(slot, LeaseKey.random(plan.epoch()))),
                Stage.OFFER);
        return new TcpTargetTransfer(transfer, scope.instance());
    }

    @Override
    public InitiatorTransfer prepare(InitiatorPlan plan, Descriptor descriptor, Deadline deadline) {
        checkOpen(Stage.PREPARE);
        TcpEndpoint peer = TcpEndpoint.decode(plan.peerEndpoint());
        TcpDescriptor offered = TcpDescriptor.decode(descriptor);
        check(plan, peer, offered);
        TcpTransfer.Terms terms = new TcpTransfer.Terms(
                Side.INITIATOR,
                plan.id(),
                plan.attempt(),
                plan.operation(),
                plan.peer(),
                peer.instance(),
                plan.blocks(),
                HostMemory.of(this, NAME, plan.blocks(), plan.handles()),
                plan.checksum() != ChecksumMode.OFF,
                plan.observer());
        PeerLanes used = dialer.use(peer, deadline.earlier(plan.deadline()));
        try {
            TcpTransfer transfer = add(
                    scope.initiated(),
                    name -> new TcpTransfer(terms, scope.initiated(), name, offered.lease()),
                    Stage.PREPARE);
            return new TcpInitiatorTransfer(transfer, used.lanes(), config.stripeBytes(), used::release);
        } catch (TransferException full) {
            used.release();
            throw full;
        }
    }

    private static void check(InitiatorPlan plan, TcpEndpoint peer, TcpDescriptor offered) {
        if (offered.instance() != peer.instance()) {
            throw new TransferException(
                    TransferErrorCode.PEER_RESTARTED,
                    Stage.PREPARE,
                    "the descriptor comes from another instance than the endpoint " + peer + "; meet the peer again");
        }
        BlockList blocks = plan.blocks();
        if (offered.blocks() != blocks.size() || offered.bytes() != blocks.totalBytes()) {
            throw new TransferException(
                    TransferErrorCode.BUFFER_MISMATCH,
                    Stage.PREPARE,
                    "the target leased " + offered.blocks() + " blocks of " + offered.bytes()
                            + " bytes, the request has " + blocks.size() + " of " + blocks.totalBytes());
        }
    }

    private static TcpTransfer add(TransferTable table, LongFunction<TcpTransfer> maker, Stage stage) {
        TcpTransfer transfer = table.add(maker);
        if (transfer == null) {
            throw new TransferException(
                    TransferErrorCode.RESOURCE_EXHAUSTED,
                    stage,
                    "transfers=" + table.capacity() + " reaches kvferry.tcp.max-transfers=" + table.capacity());
        }
        return transfer;
    }

    @Override
    public void reset(ResetScope fenced, Deadline deadline) {
        checkOpen(Stage.FINISH);
        TimedWait.await(lanes.fence(fenced), deadline, scope.scheduler(), Stage.FINISH, "closing connections");
    }

    @Override
    public CloseReport close(Deadline deadline) {
        if (!closing.compareAndSet(false, true)) {
            return CloseReport.CLEAN;
        }
        List<String> abandoned = new ArrayList<>();
        try {
            TimedWait.await(disconnect(deadline), deadline, scope.scheduler(), Stage.CLOSE, "closing connections");
        } catch (TransferException late) {
            abandoned.add(lanes.size() + " connections did not close: " + late.getMessage());
        }
        scope.initiated().forEach(transfer -> report(transfer, abandoned));
        scope.leases().forEach(transfer -> report(transfer, abandoned));
        if (!EventLoops.end(loops, deadline, scope.scheduler())) {
            abandoned.add("event loops that have not ended");
        }
        return abandoned.isEmpty() ? CloseReport.CLEAN : new CloseReport(abandoned);
    }

    /** Completes when no channel is left: an event loop that ended earlier would reject what channels still say. */
    private CompletableFuture<Void> disconnect(Deadline deadline) {
        // a peer that does not answer the goodbye leaves half of the time to close without it
        Deadline half = Deadline.afterNanos(deadline.remainingNanos() / 2, scope.ticker());
        CompletableFuture<Void> left = lanes.leave(half.earlier(scope.longestGoodbye()));
        return CompletableFuture.allOf(left, acceptor.close(), dialer.close());
    }

    private static void report(TcpTransfer transfer, List<String> abandoned) {
        if (!transfer.gate().isEmpty()) {
            abandoned.add(transfer + ", whose memory may still be touched");
        }
    }

    private void checkOpen(Stage stage) {
        if (closing.get()) {
            throw new TransferException(TransferErrorCode.SHUTTING_DOWN, stage, "the tcp backend is closed");
        }
    }

    /** The threads that drive lanes. */
    EventLoopGroup eventLoops() {
        return loops;
    }

    /** Frames and connections that were refused. */
    long refused() {
        return scope.refused().get();
    }
}
