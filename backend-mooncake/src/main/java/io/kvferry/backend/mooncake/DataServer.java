package io.kvferry.backend.mooncake;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.MemoryGate;
import io.netty.channel.Channel;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;

/** All data connections that peers have opened to us. Thread-safe. */
@SuppressWarnings("FutureReturnValueIgnored") // what fails here closes the channel, and that is heard
final class DataServer {
    private final WireScope scope;
    private final AddressSpace space;
    private final Set<ServerLane> lanes = ConcurrentHashMap.newKeySet();
    private volatile boolean leaving;

    DataServer(WireScope scope, AddressSpace space) {
        this.scope = scope;
        this.space = space;
    }

    /** Serves a connection, while there is room. */
    void admit(Channel channel) {
        if (leaving || lanes.size() >= scope.config().maxConnections()) {
            scope.refused().incrementAndGet();
            channel.close();
            return;
        }
        ServerLane lane = new ServerLane(scope, channel, space);
        lanes.add(lane);
        lane.closed().thenRun(() -> lanes.remove(lane));
        lane.install();
    }

    /** A lease has been sealed: what still comes for it is drained. */
    void stop(MemoryGate gate) {
        lanes.forEach(lane -> lane.stop(gate));
    }

    /** Closes the connections that are inside the memory of a transfer. */
    CompletableFuture<Void> fence(WireTransfer transfer) {
        return all(lanes.stream().map(lane -> lane.closeIfInside(transfer)).toList());
    }

    /** Closes all connections. */
    CompletableFuture<Void> fenceAll() {
        List<ServerLane> all = List.copyOf(lanes);
        all.forEach(ServerLane::close);
        return all(all.stream().map(ServerLane::closed).toList());
    }

    /** Says goodbye on all connections, and takes no more; completes when the last one is gone. */
    CompletableFuture<Void> leave(Deadline deadline) {
        leaving = true;
        List<ServerLane> all = List.copyOf(lanes);
        all.forEach(lane -> lane.leave(deadline));
        return all(all.stream().map(ServerLane::closed).toList());
    }

    int size() {
        return lanes.size();
    }

    private static CompletableFuture<Void> all(Collection<CompletableFuture<Void>> futures) {
        return CompletableFuture.allOf(futures.toArray(CompletableFuture[]::new));
    }
}
