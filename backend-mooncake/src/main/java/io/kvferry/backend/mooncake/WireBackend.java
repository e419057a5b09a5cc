package io.kvferry.backend.mooncake;

import io.kvferry.netty.HostMemory;
import io.kvferry.netty.TimedWait;
import io.kvferry.spi.AbortScope;
import io.kvferry.spi.BackendEndpoint;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.BackendInfo;
import io.kvferry.spi.BackendLimits;
import io.kvferry.spi.Capability;
import io.kvferry.spi.CloseReport;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Descriptor;
import io.kvferry.spi.InitiatorPlan;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.Isolation;
import io.kvferry.spi.MemoryHandle;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Proposal;
import io.kvferry.spi.ResetScope;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TargetPlan;
import io.kvferry.spi.TargetTransfer;
import io.kvferry.spi.TransferBackend;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.WireId;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * One instance of the wire engine: Mooncake's TCP protocol in Java, initiator and target. Sockets receive straight into
 * registered memory and send straight from it. Thread-safe.
 *
 * <p>Evidence: a WRITE is applied when the target acknowledges it after its last byte (or, with a target of the first
 * generation, answers a READ behind it on the same connection); a READ when its last byte is here. Quiescence: of a sender,
 * no window on its memory is in a channel's queue; of a receiver, no body lands in it.
 *
 * <p>Peers see leases through windows of an address space of our own, so that an address is good for one lease only, and
 * for none once it has ended. The wire has no key: who guesses such an address can use that lease.
 */
@SuppressWarnings("FutureReturnValueIgnored") // what fails here closes the channel, and that is heard
final class WireBackend implements TransferBackend {
    static final String NAME = "mooncake";

    private final MooncakeConfig config;
    private final WireScope scope;
    private final Sockets sockets = Sockets.best();
    private final long incarnation = new SecureRandom().nextLong();
    private final EventLoopGroup loops;
    private final AddressSpace space = new AddressSpace();
    private final DataServer server;
    private final LanePool pool;
    private final TransferSet initiated;
    private final TransferSet accepted;
    private final AtomicBoolean closing = new AtomicBoolean();
    private @Nullable Listener data;
    private WireEndpoint endpoint = new WireEndpoint(incarnation, 0, "?");

    private WireBackend(MooncakeConfig config, BackendEnvironment environment) {
        this.config = config;
        this.scope = new WireScope(config, environment.ticker(), environment.scheduler(), new AtomicLong());
        this.loops = new MultiThreadIoEventLoopGroup(
                config.eventLoopThreads(), new DefaultThreadFactory("kvferry-mooncake", true), sockets.ioHandlers());
        this.server = new DataServer(scope, space);
        this.pool = new LanePool(scope, sockets, loops);
        this.initiated = new TransferSet(config.maxTransfers());
        this.accepted = new TransferSet(config.maxTransfers());
    }

    /** Starts to listen. */
    static WireBackend open(MooncakeConfig config, BackendEnvironment environment, Deadline deadline) {
        WireBackend backend = new WireBackend(config, environment);
        try {
            backend.listen(deadline);
            return backend;
        } catch (RuntimeException failed) {
            backend.close(deadline);
            throw failed;
        }
    }

    private void listen(Deadline deadline) {
        Listener open = Listener.open(
                scope,
                sockets,
                loops,
                config.dataPort(),
                MooncakeConfigKeys.DATA_PORT.name(),
                server::admit,
                deadline);
        data = open;
        endpoint = new WireEndpoint(incarnation, open.port(), config.advertisedHost() + ":" + open.port());
    }

    @Override
    public BackendInfo info() {
        return new BackendInfo(
                NAME,
                new WireId("mooncake-tcp", 2),
                EnumSet.of(
                        Capability.READ,
                        Capability.WRITE,
                        Capability.HOST_MEMORY,
                        Capability.PEER_CONTROL,
                        Capability.REVOKE,
                        Capability.CANCEL_IN_FLIGHT,
                        Capability.TARGET_PROGRESS),
                Isolation.REGION,
                AbortScope.CONNECTION,
                new BackendLimits(Long.MAX_VALUE, Integer.MAX_VALUE, config.maxTransfers()),
                "Mooncake's TCP wire by " + sockets.name().toLowerCase(Locale.ROOT) + " as segment "
                        + endpoint.segment() + ", " + config.lanes() + " lanes per peer; foreign peers have no peer control");
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
        return new WireProposal(false).encode();
    }

    @Override
    public TargetTransfer accept(TargetPlan plan, Proposal proposal, Deadline deadline) {
        checkOpen(Stage.OFFER);
        boolean published = WireProposal.decode(proposal).published();
        List<HostMemory> memories = HostMemory.of(this, NAME, plan.blocks(), plan.handles());
        WireTransfer transfer = accepted.add(Stage.OFFER, released -> new WireTransfer(
                plan.id(),
                plan.attempt(),
                plan.operation(),
                plan.peer(),
                plan.blocks(),
                memories,
                List.of(),
                new BlockTally(Side.TARGET, plan.blocks(), plan.observer(), released)));
        Window window = space.open(transfer, Set.of(plan.operation()), !published);
        Descriptor descriptor = new WireDescriptor.Lease(
                        incarnation,
                        window.base(),
                        plan.blocks().size(),
                        plan.blocks().totalBytes())
                .encode();
        return new WireTarget(window, descriptor, () -> {
            space.close(window);
            if (!transfer.tally().gate().isEmpty()) {
                server.stop(transfer.tally().gate());
            }
        });
    }

    @Override
    public InitiatorTransfer prepare(InitiatorPlan plan, Descriptor descriptor, Deadline deadline) {
        checkOpen(Stage.PREPARE);
        WireEndpoint peer = WireEndpoint.decode(plan.peerEndpoint());
        WireDescriptor offered = WireDescriptor.decode(descriptor);
        List<HostMemory> memories = HostMemory.of(this, NAME, plan.blocks(), plan.handles());
        Deadline until = deadline.earlier(plan.deadline());
        RemoteBlocks remote = remote(plan, peer, offered);
        LanePool.Use used = pool.use(address(peer), until);
        try {
            WireTransfer transfer = initiated.add(Stage.PREPARE, released -> transfer(plan, memories, used.lanes(), released));
            return new WireInitiator(
                    transfer, remote, config.stripeBytes(), () -> pool.release(used.group()));
        } catch (TransferException full) {
            pool.release(used.group());
            throw full;
        }
    }

    private static WireTransfer transfer(
            InitiatorPlan plan, List<HostMemory> memories, List<ClientLane> lanes, Runnable released) {
        return new WireTransfer(
                plan.id(),
                plan.attempt(),
                plan.operation(),
                plan.peer(),
                plan.blocks(),
                memories,
                lanes,
                new BlockTally(Side.INITIATOR, plan.blocks(), plan.observer(), released));
    }

    private static DataAddress address(WireEndpoint peer) {
        int colon = peer.segment().lastIndexOf(':');
        return new DataAddress(
                peer.segment().substring(0, Math.max(colon, 0)),
                peer.dataPort(),
                Long.toHexString(peer.incarnation()),
                true);
    }

    private static RemoteBlocks remote(InitiatorPlan plan, WireEndpoint peer, WireDescriptor offered) {
        return switch (offered) {
            case WireDescriptor.Lease lease -> {
                check(plan, peer, lease);
                yield RemoteBlocks.Lease.of(lease.base(), plan.blocks());
            }
            case WireDescriptor.Addresses foreign -> new RemoteBlocks.Scattered(foreign.addresses(), plan.blocks());
        };
    }

    private static void check(InitiatorPlan plan, WireEndpoint peer, WireDescriptor.Lease offered) {
        if (offered.incarnation() != peer.incarnation()) {
            throw new TransferException(
                    TransferErrorCode.PEER_RESTARTED,
                    Stage.PREPARE,
                    "the descriptor comes from another instance than the endpoint " + peer.segment()
                            + "; meet the peer again");
        }
        if (offered.blocks() != plan.blocks().size()
                || offered.bytes() != plan.blocks().totalBytes()) {
            throw new TransferException(
                    TransferErrorCode.BUFFER_MISMATCH,
                    Stage.PREPARE,
                    "the target leased " + offered.blocks() + " blocks of " + offered.bytes()
                            + " bytes, the request has " + plan.blocks().size() + " of "
                            + plan.blocks().totalBytes());
        }
    }

    @Override
    public void reset(ResetScope fenced, Deadline deadline) {
        checkOpen(Stage.FINISH);
        TimedWait.await(fence(fenced), deadline, scope.scheduler(), Stage.FINISH, "closing connections");
    }

    /** Cuts off whatever could touch memory of the scope; completes when it is gone. */
    private CompletableFuture<Void> fence(ResetScope fenced) {
        String why = "connection was closed to fence " + fenced;
        return switch (fenced) {
            case ResetScope.Instance() -> CompletableFuture.allOf(pool.fence(lane -> true, why), server.fenceAll());
            case ResetScope.Connection(var id, int attempt) ->
                fence(transfer -> transfer.id().equals(id) && transfer.attempt() == attempt, why);
            case ResetScope.Peer(var peer) -> fence(transfer -> transfer.peer().equals(peer), why);
        };
    }

    private CompletableFuture<Void> fence(Predicate<WireTransfer> which, String why) {
        Set<WireTransfer> cut = initiated.matching(which);
        Stream<CompletableFuture<Void>> dialed =
                Stream.of(pool.fence(lane -> cut.stream().anyMatch(transfer -> transfer.lanes().contains(lane)), why));
        Stream<CompletableFuture<Void>> served =
                accepted.matching(which).stream().map(server::fence);
        return CompletableFuture.allOf(Stream.concat(dialed, served).toArray(CompletableFuture[]::new));
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
            abandoned.add(server.size() + " connections did not close: " + late.getMessage());
        }
        Stream.of(initiated, accepted)
                .flatMap(set -> set.matching(transfer -> !transfer.tally().gate().isEmpty()).stream())
                .forEach(transfer -> abandoned.add(transfer + ", whose memory may still be touched"));
        if (!endEventLoops(deadline)) {
            abandoned.add("event loops that have not ended");
        }
        return abandoned.isEmpty() ? CloseReport.CLEAN : new CloseReport(abandoned);
    }

    /** Completes when no channel is left: an event loop that ended earlier would reject what channels still say. */
    private CompletableFuture<Void> disconnect(Deadline deadline) {
        // a peer that does not answer the goodbye leaves half of the time to close without it
        Deadline half = Deadline.afterNanos(deadline.remainingNanos() / 2, scope.ticker());
        Deadline goodbye = half.earlier(Deadline.after(config.connectTimeout(), scope.ticker()));
        CompletableFuture<Void> unheard =
                data == null ? CompletableFuture.completedFuture(null) : data.close();
        return CompletableFuture.allOf(
                unheard.thenCompose(nothing -> server.leave(goodbye)), pool.close());
    }

    private boolean endEventLoops(Deadline deadline) {
        CompletableFuture<Boolean> ended = new CompletableFuture<>();
        loops.terminationFuture().addListener(done -> ended.complete(true));
        loops.shutdownGracefully(0, Math.max(1, deadline.remainingNanos()), TimeUnit.NANOSECONDS);
        try {
            return TimedWait.await(ended, deadline, scope.scheduler(), Stage.CLOSE, "ending the event loops");
        } catch (TransferException late) {
            return false;
        }
    }

    private void checkOpen(Stage stage) {
        if (closing.get()) {
            throw new TransferException(
                    TransferErrorCode.SHUTTING_DOWN, stage, "the mooncake backend is closed");
        }
    }

    /** Requests, connections and handshakes that were refused. */
    long refused() {
        return scope.refused().get();
    }
}
