package io.kvferry.backend.tcp;

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
import io.kvferry.spi.MemoryHandle;
import io.kvferry.spi.MemoryKind;
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
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;

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
    private final Dialer dialer;
    private final Set<Lane> lanes = ConcurrentHashMap.newKeySet();
    private final AtomicBoolean closing = new AtomicBoolean();
    private @Nullable Channel listener;
    private TcpEndpoint endpoint;

    private TcpBackend(TcpTransport transport, TcpBackendConfig config, BackendEnvironment environment) {
        this.transport = transport;
        this.config = config;
        this.scope = new LaneScope(
                config,
                LeaseKey.randomInstance(),
                environment.ticker(),
                environment.scheduler(),
                new TransferTable(config.maxTransfers()),
                new TransferTable(config.maxTransfers()),
                new AtomicLong());
        this.loops = new MultiThreadIoEventLoopGroup(
                config.eventLoopThreads(), new DefaultThreadFactory("kvferry-tcp", true), transport.ioHandlers());
        this.dialer = new Dialer(transport, scope, loops, this::track);
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
            backend.listen(deadline);
            return backend;
        } catch (RuntimeException failed) {
            backend.close(deadline);
            throw failed;
        }
    }

    private void listen(Deadline deadline) {
        ServerBootstrap bootstrap = new ServerBootstrap()
                .group(loops)
                .channelFactory(transport.listeners())
                .handler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        transport.configure(channel, config);
                    }
                })
                .childOption(ChannelOption.WRITE_BUFFER_WATER_MARK, Dialer.sendQueue(config))
                .childHandler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        admit(channel);
                    }
                });
        CompletableFuture<Channel> bound = new CompletableFuture<>();
        ChannelFuture binding = bootstrap.bind(transport.address(bindAddress(), config.port()));
        binding.addListener(done -> {
            if (done.isSuccess()) {
                bound.complete(binding.channel());
            } else {
                bound.completeExceptionally(cannotListen(done.cause()));
            }
        });
        Channel opened = TimedWait.await(bound, deadline, scope.scheduler(), Stage.OPEN, "binding the listener");
        listener = opened;
        endpoint = new TcpEndpoint(config.advertisedHost(), transport.port(opened), scope.instance());
    }

    private InetAddress bindAddress() {
        try {
            return InetAddress.getByName(config.bindHost());
        } catch (UnknownHostException unknown) {
            throw cannotListen(unknown);
        }
    }

    private TransferException cannotListen(@Nullable Throwable cause) {
        return new TransferException(
                TransferErrorCode.CONNECTION_FAILED,
                Stage.OPEN,
                "cannot listen on " + config.bindHost() + ":" + config.port()
                        + "; change kvferry.tcp.bind-host, kvferry.tcp.port or kvferry.tcp.congestion-control: "
                        + cause,
                cause);
    }

    private void admit(Channel channel) {
        long accepted = lanes.stream().filter(lane -> !lane.isDialed()).count();
        if (closing.get() || accepted >= config.maxConnections()) {
            scope.refused().incrementAndGet();
            channel.close();
            return;
        }
        transport.configure(channel, config);
        Lane lane = Lane.accept(scope, channel);
        track(lane);
        lane.install();
    }

    private void track(Lane lane) {
        lanes.add(lane);
        lane.closed().thenRun(() -> lanes.remove(lane));
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
        if (region.kind() != MemoryKind.HOST) {
            throw new TransferException(
                    TransferErrorCode.UNSUPPORTED,
                    Stage.REGISTER,
                    "tcp moves HOST memory, not " + region.kind()
                            + "; set kvferry.staging=pinned or choose another backend");
        }
        return new TcpMemory(this, region);
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
                memories(plan.blocks(), plan.handles()),
                true,
                plan.observer());
        TcpTransfer transfer = add(
                scope.leases(),
                slot -> new TcpTransfer(terms, scope.leases(), slot, LeaseKey.random(slot, plan.epoch())),
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
                memories(plan.blocks(), plan.handles()),
                plan.checksum() != ChecksumMode.OFF,
                plan.observer());
        PeerLanes used = dialer.use(peer, deadline.earlier(plan.deadline()));
        try {
            TcpTransfer transfer = add(
                    scope.initiated(),
                    name -> new TcpTransfer(terms, scope.initiated(), name, offered.lease()),
                    Stage.PREPARE);
            return new TcpInitiatorTransfer(
                    transfer,
                    used.lanes(),
                    config.stripeBytes(),
                    () -> used.release(scope.ticker().nanos()));
        } catch (TransferException full) {
            used.release(scope.ticker().nanos());
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

    private List<TcpMemory> memories(BlockList blocks, List<MemoryHandle> handles) {
        if (handles.size() != blocks.regions().size()) {
            throw unregistered(
                    handles.size() + " handles for " + blocks.regions().size() + " regions");
        }
        List<TcpMemory> memories = new ArrayList<>(handles.size());
        for (int i = 0; i < handles.size(); i++) {
            if (!(handles.get(i) instanceof TcpMemory memory) || !memory.belongsTo(this)) {
                throw unregistered(blocks.regions().get(i) + " is not registered with this tcp backend");
            }
            memories.add(memory);
        }
        return memories;
    }

    private static TransferException unregistered(String detail) {
        return new TransferException(TransferErrorCode.MEMORY_NOT_REGISTERED, Stage.PREPARE, detail);
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
    public void reset(ResetScope resetScope, Deadline deadline) {
        checkOpen(Stage.FINISH);
        String detail = "connection was closed to fence " + resetScope;
        awaitClosed(lanesIn(resetScope), TransferErrorCode.TRANSFER_FAILED, detail, deadline, Stage.FINISH);
    }

    private Set<Lane> lanesIn(ResetScope resetScope) {
        Set<Lane> found = ConcurrentHashMap.newKeySet();
        switch (resetScope) {
            case ResetScope.Instance() -> found.addAll(lanes);
            case ResetScope.Connection connection ->
                forEachTransfer(transfer -> {
                    TcpTransfer.Terms terms = transfer.terms();
                    if (terms.id().equals(connection.id()) && terms.attempt() == connection.attempt()) {
                        addLanes(transfer, found);
                    }
                });
            case ResetScope.Peer peer ->
                forEachTransfer(transfer -> {
                    if (transfer.terms().peer().equals(peer.peer())) {
                        lanes.stream()
                                .filter(lane ->
                                        lane.peerInstance() == transfer.terms().peerInstance())
                                .forEach(found::add);
                    }
                });
        }
        return found;
    }

    private void forEachTransfer(Consumer<TcpTransfer> action) {
        scope.initiated().forEach(action);
        scope.leases().forEach(action);
    }

    private static void addLanes(TcpTransfer transfer, Set<Lane> found) {
        for (LaneStream stream : transfer.streams()) {
            found.add(stream.lane());
        }
    }

    private void awaitClosed(Set<Lane> closed, TransferErrorCode code, String detail, Deadline deadline, Stage stage) {
        closed.forEach(lane -> lane.close(code, detail));
        CompletableFuture<Void> all =
                CompletableFuture.allOf(closed.stream().map(Lane::closed).toArray(CompletableFuture[]::new));
        TimedWait.await(all, deadline, scope.scheduler(), stage, "closing " + closed.size() + " connections");
    }

    @Override
    public CloseReport close(Deadline deadline) {
        if (!closing.compareAndSet(false, true)) {
            return CloseReport.CLEAN;
        }
        List<String> abandoned = new ArrayList<>();
        try {
            if (listener != null) {
                listener.close();
            }
            awaitClosed(
                    Set.copyOf(lanes),
                    TransferErrorCode.SHUTTING_DOWN,
                    "the tcp backend was closed",
                    deadline,
                    Stage.CLOSE);
        } catch (TransferException late) {
            abandoned.add(lanes.size() + " connections did not close: " + late.getMessage());
        }
        forEachTransfer(transfer -> {
            if (!transfer.gate().isEmpty()) {
                abandoned.add(transfer + ", whose memory may still be touched");
            }
        });
        if (!endEventLoops(deadline)) {
            abandoned.add("event loops that have not ended");
        }
        return abandoned.isEmpty() ? CloseReport.CLEAN : new CloseReport(abandoned);
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
