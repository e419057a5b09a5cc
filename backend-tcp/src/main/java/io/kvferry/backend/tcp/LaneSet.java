package io.kvferry.backend.tcp;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.ResetScope;
import io.kvferry.spi.TransferErrorCode;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;

/** All lanes of one backend, from their first byte until nothing of them touches memory. Thread-safe. */
@SuppressWarnings("FutureReturnValueIgnored") // what fails here closes the channel, and that is heard
final class LaneSet {
    private static final String CLOSED = "the tcp backend was closed";

    private final LaneScope scope;
    private final Set<Lane> lanes = ConcurrentHashMap.newKeySet();
    private volatile boolean leaving;

    LaneSet(LaneScope scope) {
        this.scope = scope;
    }

    /** Keeps a lane until it is closed; one that comes too late is closed at once. */
    void add(Lane lane) {
        lanes.add(lane);
        lane.closed().thenRun(() -> lanes.remove(lane));
        if (leaving) {
            lane.close(TransferErrorCode.SHUTTING_DOWN, CLOSED);
        }
    }

    /** Tells whether one more connection may be accepted. */
    boolean hasRoom() {
        long accepted = lanes.stream().filter(lane -> !lane.isDialed()).count();
        return !leaving && accepted < scope.config().maxConnections();
    }

    int size() {
        return lanes.size();
    }

    /** Cuts off whatever could touch memory of the scope; completes when it is gone. */
    CompletableFuture<Void> fence(ResetScope fenced) {
        Collection<Lane> cut = in(fenced);
        cut.forEach(lane -> lane.close(TransferErrorCode.TRANSFER_FAILED, "connection was closed to fence " + fenced));
        return closed(cut);
    }

    private Collection<Lane> in(ResetScope fenced) {
        return switch (fenced) {
            case ResetScope.Instance() -> List.copyOf(lanes);
            case ResetScope.Connection connection -> ofTransfer(connection);
            case ResetScope.Peer peer -> ofPeer(peer);
        };
    }

    private List<Lane> ofTransfer(ResetScope.Connection connection) {
        List<Lane> found = new ArrayList<>();
        forEachTransfer(transfer -> {
            TcpTransfer.Terms terms = transfer.terms();
            if (terms.id().equals(connection.id()) && terms.attempt() == connection.attempt()) {
                for (LaneStream stream : transfer.streams()) {
                    found.add(stream.lane());
                }
            }
        });
        return found;
    }

    private List<Lane> ofPeer(ResetScope.Peer peer) {
        List<Lane> found = new ArrayList<>();
        forEachTransfer(transfer -> {
            TcpTransfer.Terms terms = transfer.terms();
            if (terms.peer().equals(peer.peer())) {
                lanes.stream()
                        .filter(lane -> lane.peerInstance() == terms.peerInstance())
                        .forEach(found::add);
            }
        });
        return found;
    }

    private void forEachTransfer(Consumer<TcpTransfer> action) {
        scope.initiated().forEach(action);
        scope.leases().forEach(action);
    }

    /** Says goodbye on all lanes, and takes no more; completes when the last one is gone. */
    CompletableFuture<Void> leave(Deadline deadline) {
        leaving = true;
        List<Lane> all = List.copyOf(lanes);
        all.forEach(lane -> lane.leave(CLOSED, deadline));
        return closed(all);
    }

    private static CompletableFuture<Void> closed(Collection<Lane> gone) {
        return CompletableFuture.allOf(gone.stream().map(Lane::closed).toArray(CompletableFuture[]::new));
    }
}
