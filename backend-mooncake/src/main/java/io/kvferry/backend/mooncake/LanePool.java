package io.kvferry.backend.mooncake;

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
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;

/** Opens lanes to targets, shares them between transfers, and closes those that nobody uses. Thread-safe. */
@SuppressWarnings("FutureReturnValueIgnored") // what fails here closes the channel, and that is heard
final class LanePool {
    private static final String CLOSED = "the mooncake backend was closed";

    private static final String REMEDY = "the peer has to advertise a name that resolves, or an address";

    private final WireScope scope;
    private final Sockets sockets;
    private final EventLoopGroup loops;
    private final ConcurrentHashMap<DataAddress, LaneGroup> groups = new ConcurrentHashMap<>();
    private final Set<ClientLane> open = ConcurrentHashMap.newKeySet();
    private volatile boolean closed;

    LanePool(WireScope scope, Sockets sockets, EventLoopGroup loops) {
        this.scope = scope;
        this.sockets = sockets;
        this.loops = loops;
    }

    /** Lanes that are kept from being retired until they are released. */
    record Use(LaneGroup group, List<ClientLane> lanes) {}

    /** Returns the lanes to a target, all open; the caller releases them. Blocks until then. */
    Use use(DataAddress address, Deadline deadline) {
        LaneGroup group = hold(address);
        List<ClientLane> lanes = List.of();
        try {
            lanes = TimedWait.await(
                    group.open(), deadline, scope.scheduler(), Stage.PREPARE, "connecting to " + address);
            return new Use(group, lanes);
        } finally {
            if (lanes.isEmpty()) {
                release(group);
            }
        }
    }

    void release(LaneGroup group) {
        group.release(scope.ticker().nanos());
    }

    private LaneGroup hold(DataAddress address) {
        while (true) {
            LaneGroup known = groups.get(address);
            if (known != null && known.use()) {
                return known;
            }
            if (known != null) {
                groups.remove(address, known);
            }
            makeRoom();
            LaneGroup made = new LaneGroup(
                    address, scope.config().lanes(), scope.ticker().nanos(), () -> dial(address));
            if (groups.putIfAbsent(address, made) == null) {
                scheduleRetirement(made);
            }
        }
    }

    private void makeRoom() {
        int lanes = scope.config().lanes();
        while ((groups.size() + 1L) * lanes > scope.config().maxConnections()) {
            LaneGroup oldest = groups.values().stream()
                    .sorted(Comparator.comparingLong(LaneGroup::lastUsedNanos))
                    .filter(LaneGroup::retire)
                    .findFirst()
                    .orElseThrow(() -> new TransferException(
                            TransferErrorCode.RESOURCE_EXHAUSTED,
                            Stage.PREPARE,
                            "targets=" + groups.size() + " times kvferry.mooncake.lanes=" + lanes
                                    + " reaches kvferry.mooncake.max-connections="
                                    + scope.config().maxConnections() + " and all are in use"));
            leave(oldest);
        }
    }

    private void scheduleRetirement(LaneGroup group) {
        long idle = scope.config().idleTimeout().toNanos();
        scope.scheduler().schedule(Deadline.afterNanos(Math.max(1, idle / 2), scope.ticker()), () -> {
            if (scope.ticker().nanos() - group.lastUsedNanos() >= idle && group.retire()) {
                leave(group);
            } else if (groups.get(group.address()) == group && !closed) {
                scheduleRetirement(group);
            }
        });
    }

    private void leave(LaneGroup group) {
        groups.remove(group.address(), group);
        group.lanes()
                .forEach(dialed -> dialed.thenAccept(
                        lane -> lane.close(TransferErrorCode.CONNECTION_FAILED, "the connection was unused")));
    }

    private CompletableFuture<ClientLane> dial(DataAddress address) {
        return Hosts.resolve(address.host(), REMEDY).thenCompose(resolved -> connect(address, resolved));
    }

    private CompletableFuture<ClientLane> connect(DataAddress address, InetAddress resolved) {
        CompletableFuture<ClientLane> result = new CompletableFuture<>();
        if (closed) {
            result.completeExceptionally(new TransferException(TransferErrorCode.SHUTTING_DOWN, Stage.PREPARE, CLOSED));
            return result;
        }
        new Bootstrap()
                .group(loops)
                .channelFactory(sockets.connections())
                .disableResolver()
                .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, 0) // the lane's own timer runs on the engine's clock
                .handler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        Sockets.configure(channel, scope.config().sendQueueBytes());
                        install(new ClientLane(scope, channel, address.acknowledged()), result);
                    }
                })
                .connect(new InetSocketAddress(resolved, address.port()))
                .addListener(connected -> {
                    Throwable cause = connected.cause();
                    if (cause != null) {
                        result.completeExceptionally(new TransferException(
                                TransferErrorCode.CONNECTION_FAILED,
                                Stage.PREPARE,
                                "no connection to " + address + ": " + cause,
                                cause));
                    }
                });
        return result;
    }

    private void install(ClientLane lane, CompletableFuture<ClientLane> result) {
        open.add(lane);
        lane.closed().thenRun(() -> open.remove(lane));
        lane.install();
        lane.opened().whenComplete((opened, failure) -> {
            if (failure == null) {
                result.complete(opened);
            } else {
                result.completeExceptionally(failure);
            }
        });
        if (closed) {
            lane.close(TransferErrorCode.SHUTTING_DOWN, CLOSED);
        }
    }

    /** Closes lanes; completes when they are gone. */
    CompletableFuture<Void> fence(Predicate<ClientLane> which, String why) {
        Collection<ClientLane> cut = open.stream().filter(which).toList();
        cut.forEach(lane -> lane.close(TransferErrorCode.TRANSFER_FAILED, why));
        return allClosed(cut);
    }

    /** Dials no more and closes all lanes; completes when they are gone. */
    CompletableFuture<Void> close() {
        closed = true;
        Collection<ClientLane> all = List.copyOf(open);
        all.forEach(lane -> lane.close(TransferErrorCode.SHUTTING_DOWN, CLOSED));
        return allClosed(all);
    }

    private static CompletableFuture<Void> allClosed(Collection<ClientLane> gone) {
        return CompletableFuture.allOf(gone.stream().map(ClientLane::closed).toArray(CompletableFuture[]::new));
    }
}
