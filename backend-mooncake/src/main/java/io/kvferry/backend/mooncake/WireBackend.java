package io.kvferry.backend.mooncake;

import io.kvferry.netty.EventLoops;
import io.kvferry.netty.HostMemory;
import io.kvferry.spi.AbortScope;
import io.kvferry.spi.BackendEndpoint;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.BackendInfo;
import io.kvferry.spi.BackendLimits;
import io.kvferry.spi.Capability;
import io.kvferry.spi.CloseReport;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Descriptor;
import io.kvferry.spi.ForeignMessages;
import io.kvferry.spi.InitiatorPlan;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.Isolation;
import io.kvferry.spi.MemoryGate;
import io.kvferry.spi.MemoryHandle;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
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
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
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
    /** The value of {@code kvferry.mooncake.metadata} that asks peers themselves. */
    static final String P2P = "P2PHANDSHAKE";

    private final MooncakeConfig config;
    private final WireScope scope;
    private final Sockets sockets = Sockets.best();
    private final long incarnation = new SecureRandom().nextLong();
    private final EventLoopGroup loops;
    private final AddressSpace space = new AddressSpace();
    private final DataServer server;
    private final LanePool pool;
    private final WireInitiators initiators;
    private final TransferSet accepted;
    private final AtomicBoolean closing = new AtomicBoolean();
    private final HandshakeClient handshakes;
    private final HandshakeServer greeter;
    private final @Nullable MetadataServerClient metadata;
    private final SegmentDirectory segments;
    private volatile ForeignMessages messages = (from, message) -> CompletableFuture.completedFuture(false);
    private @Nullable Listener data;
    private @Nullable Listener greetings;
    private @Nullable Publication publication;
    private WireEndpoint endpoint = new WireEndpoint(incarnation, 0, "?");

    private WireBackend(MooncakeConfig config, BackendEnvironment environment) {
        this.config = config;
        this.scope = new WireScope(config, environment.ticker(), environment.scheduler(), new AtomicLong());
        this.loops = new MultiThreadIoEventLoopGroup(
                config.eventLoopThreads(), new DefaultThreadFactory("kvferry-mooncake", true), sockets.ioHandlers());
        this.server = new DataServer(scope, space);
        this.pool = new LanePool(scope, sockets, loops);
        this.accepted = new TransferSet(config.maxTransfers());
        this.handshakes = new HandshakeClient(scope, sockets, loops);
        this.greeter = new HandshakeServer(
                scope, () -> publication().encoded(), (from, message) -> messages.deliver(from, message));
        this.metadata = config.metadata().equals(P2P)
                ? null
                : new MetadataServerClient(config.metadata(), config.handshakeTimeout());
        this.segments = new SegmentDirectory(
                scope, handshakes, metadata, () -> publication().encoded());
        this.initiators = new WireInitiators(scope, pool, segments);
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
                scope, sockets, loops, config.dataPort(), MooncakeConfigKeys.DATA_PORT.name(), server::admit, deadline);
        data = open;
        Listener asked = Listener.open(
                scope,
                sockets,
                loops,
                config.handshakePort(),
                MooncakeConfigKeys.HANDSHAKE_PORT.name(),
                greeter::admit,
                deadline);
        greetings = asked;
        HostPort handshake = new HostPort(config.advertisedHost(), asked.port());
        endpoint = new WireEndpoint(incarnation, open.port(), handshake.toString());
        String name = metadata == null || config.segmentName().isEmpty() ? handshake.toString() : config.segmentName();
        Publication published = new Publication(name, open.port(), Long.toHexString(incarnation), handshake, metadata);
        publication = published;
        published.announce(deadline);
    }

    private Publication publication() {
        Publication published = publication;
        if (published == null) {
            throw new TransferException(
                    TransferErrorCode.SHUTTING_DOWN, Stage.OPEN, "the mooncake backend is not open");
        }
        return published;
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
                        + publication().name() + ", " + config.lanes()
                        + " lanes per peer; foreign peers have no peer control");
    }

    @Override
    public void listen(ForeignMessages taker) {
        messages = taker;
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
        return WireProposal.PEER.encode();
    }

    @Override
    public TargetTransfer accept(TargetPlan plan, Proposal proposal, Deadline deadline) {
        checkOpen(Stage.OFFER);
        WireProposal audience = WireProposal.decode(proposal);
        List<HostMemory> memories = HostMemory.of(this, NAME, plan.blocks(), plan.handles());
        WireTransfer transfer = accepted.add(
                Stage.OFFER,
                released -> new WireTransfer(
                        plan.id(),
                        plan.attempt(),
                        plan.operation(),
                        plan.peer(),
                        plan.blocks(),
                        memories,
                        List.of(),
                        new BlockTally(Side.TARGET, plan.blocks(), plan.observer(), released)));
        Set<Operation> allowed =
                audience == WireProposal.SHARED ? EnumSet.allOf(Operation.class) : Set.of(plan.operation());
        Window window = space.open(transfer, allowed, audience == WireProposal.PEER);
        Descriptor descriptor = new WireDescriptor.Lease(
                        incarnation,
                        window.base(),
                        plan.blocks().size(),
                        plan.blocks().totalBytes())
                .encode();
        WireTarget target = new WireTarget(window, descriptor, () -> sealed(window));
        if (audience != WireProposal.PEER) {
            publish(window, target, deadline);
        }
        return target;
    }

    private void publish(Window window, WireTarget target, Deadline deadline) {
        try {
            publication().add(window, deadline);
        } catch (TransferException unreachable) {
            target.finish(deadline);
            throw unreachable;
        }
    }

    private void sealed(Window window) {
        space.close(window);
        publication().remove(window, Deadline.after(config.handshakeTimeout(), scope.ticker()));
        MemoryGate gate = window.transfer().tally().gate();
        if (!gate.isEmpty()) {
            server.stop(gate);
        }
    }

    @Override
    public InitiatorTransfer prepare(InitiatorPlan plan, Descriptor descriptor, Deadline deadline) {
        checkOpen(Stage.PREPARE);
        WireDescriptor offered = WireDescriptor.decode(descriptor);
        List<HostMemory> memories = HostMemory.of(this, NAME, plan.blocks(), plan.handles());
        return initiators.prepare(plan, offered, memories, deadline.earlier(plan.deadline()));
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
        Set<WireTransfer> cut = initiators.matching(which);
        Stream<CompletableFuture<Void>> dialed = Stream.of(pool.fence(
                lane -> cut.stream().anyMatch(transfer -> transfer.lanes().contains(lane)), why));
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
        Predicate<WireTransfer> touched = transfer -> !transfer.tally().gate().isEmpty();
        Stream.concat(initiators.matching(touched).stream(), accepted.matching(touched).stream())
                .forEach(transfer -> abandoned.add(transfer + ", whose memory may still be touched"));
        if (!EventLoops.end(loops, deadline, scope.scheduler())) {
            abandoned.add("event loops that have not ended");
        }
        return abandoned.isEmpty() ? CloseReport.CLEAN : new CloseReport(abandoned);
    }

    /** Completes when no channel is left: an event loop that ended earlier would reject what channels still say. */
    private CompletableFuture<Void> disconnect(Deadline deadline) {
        // a peer that does not answer the goodbye leaves half of the time to close without it
        Deadline half = Deadline.afterNanos(deadline.remainingNanos() / 2, scope.ticker());
        Deadline goodbye = half.earlier(Deadline.after(config.connectTimeout(), scope.ticker()));
        Publication published = publication;
        if (published != null) {
            published.withdraw(goodbye);
        }
        return CompletableFuture.allOf(
                closed(data).thenCompose(nothing -> server.leave(goodbye)),
                closed(greetings).thenCompose(nothing -> greeter.close()),
                pool.close());
    }

    private static CompletableFuture<Void> closed(@Nullable Listener listener) {
        return listener == null ? CompletableFuture.completedFuture(null) : listener.close();
    }

    private void checkOpen(Stage stage) {
        if (closing.get()) {
            throw new TransferException(TransferErrorCode.SHUTTING_DOWN, stage, "the mooncake backend is closed");
        }
    }

    /** What a foreign peer says of itself, asked now. */
    Segment segment(String name) {
        Deadline until = Deadline.after(config.handshakeTimeout(), scope.ticker());
        return segments.open(name, until).segment();
    }

    /** The name by which foreign peers open our segment. */
    String segmentName() {
        return publication().name();
    }

    /** Requests, connections and handshakes that were refused. */
    long refused() {
        return scope.refused().get();
    }
}
