package io.kvferry.backend.tcp;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.WriteBufferWaterMark;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Comparator;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Opens lanes to peers and closes those that nobody uses. Thread-safe. */
@SuppressWarnings("FutureReturnValueIgnored") // what fails here closes the channel, and that is heard
final class Dialer {
    private final TcpTransport transport;
    private final LaneScope scope;
    private final EventLoopGroup loops;
    private final Consumer<Lane> opened;
    private final ConcurrentHashMap<Long, PeerLanes> peers = new ConcurrentHashMap<>();

    /** @param opened hears of each lane before its first byte */
    Dialer(TcpTransport transport, LaneScope scope, EventLoopGroup loops, Consumer<Lane> opened) {
        this.transport = transport;
        this.scope = scope;
        this.loops = loops;
        this.opened = opened;
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
                peer.release(scope.ticker().nanos());
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
            int lanes = scope.config().lanes();
            PeerLanes made = new PeerLanes(
                    endpoint, lanes, () -> dial(endpoint), scope.ticker().nanos());
            if (peers.putIfAbsent(endpoint.instance(), made) == null) {
                scheduleRetirement(made);
            }
        }
    }

    private void makeRoom() {
        int lanes = scope.config().lanes();
        while ((peers.size() + 1L) * lanes > scope.config().maxConnections()) {
            PeerLanes oldest = peers.values().stream()
                    .sorted(Comparator.comparingLong(PeerLanes::lastUsedNanos))
                    .filter(PeerLanes::retire)
                    .findFirst()
                    .orElseThrow(() -> new TransferException(
                            TransferErrorCode.RESOURCE_EXHAUSTED,
                            Stage.PREPARE,
                            "peers=" + peers.size() + " times kvferry.tcp.lanes=" + lanes
                                    + " reaches kvferry.tcp.max-connections="
                                    + scope.config().maxConnections() + " and all are in use"));
            close(oldest);
        }
    }

    private void scheduleRetirement(PeerLanes peer) {
        long idle = scope.config().idleTimeout().toNanos();
        Deadline when = Deadline.atNanos(peer.lastUsedNanos() + idle, scope.ticker());
        Deadline soonest = Deadline.afterNanos(idle / 4, scope.ticker());
        scope.scheduler().schedule(when.remainingNanos() > soonest.remainingNanos() ? when : soonest, () -> {
            boolean idleLongEnough = scope.ticker().nanos() - peer.lastUsedNanos() >= idle;
            if (idleLongEnough && peer.retire()) {
                close(peer);
            } else if (peers.get(peer.endpoint().instance()) == peer) {
                scheduleRetirement(peer);
            }
        });
    }

    private void close(PeerLanes peer) {
        peers.remove(peer.endpoint().instance(), peer);
        peer.close();
    }

    private CompletableFuture<Lane> dial(TcpEndpoint endpoint) {
        return resolve(endpoint.host()).thenCompose(address -> connect(endpoint, address));
    }

    private CompletableFuture<Lane> connect(TcpEndpoint endpoint, InetAddress address) {
        CompletableFuture<Lane> result = new CompletableFuture<>();
        AtomicReference<@Nullable Lane> made = new AtomicReference<>();
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
                        made.set(lane);
                        opened.accept(lane);
                        lane.opened().whenComplete((open, failure) -> complete(result, open, failure));
                        lane.install();
                    }
                })
                .connect(transport.address(address, endpoint.port()))
                .addListener(connected -> {
                    Throwable cause = connected.cause();
                    Lane lane = made.get();
                    String detail = "no connection to " + endpoint + ": " + cause;
                    if (cause != null && lane != null) {
                        lane.close(TransferErrorCode.CONNECTION_FAILED, detail);
                    } else if (cause != null) {
                        result.completeExceptionally(new TransferException(
                                TransferErrorCode.CONNECTION_FAILED, Stage.PREPARE, detail, cause));
                    }
                });
        return result;
    }

    private static void complete(CompletableFuture<Lane> result, @Nullable Lane lane, @Nullable Throwable failure) {
        if (lane != null) {
            result.complete(lane);
        } else if (failure != null) {
            result.completeExceptionally(failure);
        }
    }

    private static CompletableFuture<InetAddress> resolve(String host) {
        try {
            return CompletableFuture.completedFuture(InetAddress.ofLiteral(host));
        } catch (IllegalArgumentException name) {
            CompletableFuture<InetAddress> result = new CompletableFuture<>();
            // a name service may be slow, and no event loop waits for it
            Thread.ofVirtual().start(() -> {
                try {
                    result.complete(InetAddress.getByName(host));
                } catch (UnknownHostException unknown) {
                    result.completeExceptionally(new TransferException(
                            TransferErrorCode.CONNECTION_FAILED,
                            Stage.PREPARE,
                            "no address for " + host
                                    + "; set the peer's kvferry.tcp.advertised-host to one that resolves",
                            unknown));
                }
            });
            return result;
        }
    }
}
