package io.kvferry.backend.tcp;

import io.kvferry.netty.Hosts;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TimedWait;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.WriteBufferWaterMark;
import java.net.InetAddress;
import java.util.Comparator;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** Opens lanes to peers and closes those that nobody uses. Thread-safe. */
@SuppressWarnings("FutureReturnValueIgnored") // what fails here closes the channel, and that is heard
final class Dialer {
    private final TcpTransport transport;
    private final LaneScope scope;
    private final EventLoopGroup loops;
    private final LaneSet lanes;
    private final ConcurrentHashMap<Long, PeerLanes> peers = new ConcurrentHashMap<>();
    private final Set<Dial> dialing = ConcurrentHashMap.newKeySet();
    private volatile boolean closed;

    /** A connection that is being made. */
    private static final class Dial {
        final CompletableFuture<Lane> result = new CompletableFuture<>();
        volatile @Nullable Lane lane;
    }

    Dialer(TcpTransport transport, LaneScope scope, EventLoopGroup loops, LaneSet lanes) {
        this.transport = transport;
        this.scope = scope;
        this.loops = loops;
        this.lanes = lanes;
    }

    static WriteBufferWaterMark sendQueue(TcpBackendConfig config) {
        return new WriteBufferWaterMark(config.sendQueueBytes() / 2, config.sendQueueBytes());
    }

    /** Returns the lanes to an instance, all open; the caller releases them. Blocks until then. */
    PeerLanes use(TcpEndpoint endpoint, Deadline deadline) {
        PeerLanes peer = hold(endpoint);
        boolean open = false;
        try {
            TimedWait.await(peer.open(), deadline, scope.scheduler(), Stage.PREPARE, "connecting to " + endpoint);
            open = true;
            return peer;
        } finally {
            if (!open) {
                peer.release();
            }
        }
    }

    private PeerLanes hold(TcpEndpoint endpoint) {
        while (true) {
            PeerLanes known = peers.get(endpoint.instance());
            if (known != null && known.use()) {
                return known;
            }
            if (known != null) {
                peers.remove(endpoint.instance(), known);
            }
            makeRoom();
            PeerLanes made = new PeerLanes(endpoint, scope, () -> dial(endpoint));
            if (peers.putIfAbsent(endpoint.instance(), made) == null) {
                scheduleRetirement(made);
            }
        }
    }

    private void makeRoom() {
        int lanesPerPeer = scope.config().lanes();
        while ((peers.size() + 1L) * lanesPerPeer > scope.config().maxConnections()) {
            PeerLanes oldest = peers.values().stream()
                    .sorted(Comparator.comparingLong(PeerLanes::lastUsedNanos))
                    .filter(PeerLanes::retire)
                    .findFirst()
                    .orElseThrow(() -> new TransferException(
                            TransferErrorCode.RESOURCE_EXHAUSTED,
                            Stage.PREPARE,
                            "peers=" + peers.size() + " times kvferry.tcp.lanes=" + lanesPerPeer
                                    + " reaches kvferry.tcp.max-connections="
                                    + scope.config().maxConnections() + " and all are in use"));
            leave(oldest);
        }
    }

    private void scheduleRetirement(PeerLanes peer) {
        long idle = scope.config().idleTimeout().toNanos();
        Deadline when = Deadline.atNanos(peer.lastUsedNanos() + idle, scope.ticker());
        Deadline soonest = Deadline.afterNanos(idle / 4, scope.ticker());
        scope.scheduler().schedule(when.remainingNanos() > soonest.remainingNanos() ? when : soonest, () -> {
            boolean idleLongEnough = scope.ticker().nanos() - peer.lastUsedNanos() >= idle;
            if (idleLongEnough && peer.retire()) {
                leave(peer);
            } else if (peers.get(peer.endpoint().instance()) == peer) {
                scheduleRetirement(peer);
            }
        });
    }

    private void leave(PeerLanes peer) {
        peers.remove(peer.endpoint().instance(), peer);
        peer.leave();
    }

    private CompletableFuture<Lane> dial(TcpEndpoint endpoint) {
        return Hosts.resolve(endpoint.host(), "set the peer's kvferry.tcp.advertised-host to one that resolves")
                .thenCompose(address -> connect(endpoint, address));
    }

    private CompletableFuture<Lane> connect(TcpEndpoint endpoint, InetAddress address) {
        Dial dial = new Dial();
        dialing.add(dial);
        dial.result.whenComplete((lane, failure) -> dialing.remove(dial));
        if (closed) {
            dial.result.completeExceptionally(new TransferException(
                    TransferErrorCode.SHUTTING_DOWN, Stage.PREPARE, "the tcp backend was closed while connecting"));
            return dial.result;
        }
        new Bootstrap()
                .group(loops)
                .channelFactory(transport.connections())
                .disableResolver()
                .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, 0) // the lane's own timer runs on the engine's clock
                .option(ChannelOption.WRITE_BUFFER_WATER_MARK, sendQueue(scope.config()))
                .handler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        transport.configure(channel, scope.config());
                        Lane lane = Lane.dial(scope, channel, endpoint.instance());
                        dial.lane = lane;
                        lane.opened().whenComplete((open, failure) -> complete(dial.result, open, failure));
                        lane.install();
                        lanes.add(lane);
                    }
                })
                .connect(transport.address(address, endpoint.port()))
                .addListener(connected -> {
                    Throwable cause = connected.cause();
                    Lane lane = dial.lane;
                    String detail = "no connection to " + endpoint + ": " + cause;
                    if (cause != null && lane != null) {
                        lane.close(TransferErrorCode.CONNECTION_FAILED, detail);
                    } else if (cause != null) {
                        dial.result.completeExceptionally(new TransferException(
                                TransferErrorCode.CONNECTION_FAILED, Stage.PREPARE, detail, cause));
                    }
                });
        return dial.result;
    }

    /** Dials no more; completes when nothing is being dialed any more, which the lanes' own end brings about. */
    CompletableFuture<Void> close() {
        closed = true;
        return CompletableFuture.allOf(dialing.stream()
                .map(dial -> dial.result.handle((lane, failure) -> null))
                .toArray(CompletableFuture[]::new));
    }

    private static void complete(CompletableFuture<Lane> result, @Nullable Lane lane, @Nullable Throwable failure) {
        if (lane != null) {
            result.complete(lane);
        } else if (failure != null) {
            result.completeExceptionally(failure);
        }
    }
}
