package io.kvferry.backend.nccl;

import io.kvferry.backend.nccl.adapter.NcclAdapter;
import io.kvferry.backend.nccl.adapter.NcclLibrary;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * All connections of one backend: found again by peer and boot id, bounded in number, the one idle longest closed first.
 * Confined to the device thread, but for what says otherwise.
 */
final class Connections {
    private final NcclLibrary library;
    private final Settings settings;
    private final BackendEnvironment environment;
    /** In use or connecting. Read by other threads. */
    private final Map<Connection.Key, Connection> byKey = new ConcurrentHashMap<>();
    /** Aborted, with the GPU not yet done. */
    private final List<Connection> ending = new ArrayList<>();
    /** From the one idle longest on. */
    private final List<Connection> recent = new ArrayList<>();

    private int failedConnects;

    Connections(NcclLibrary library, Settings settings, BackendEnvironment environment) {
        this.library = library;
        this.settings = settings;
        this.environment = environment;
    }

    /** The number of the connection for a key, open or about to be, or 0. Thread-safe. */
    long usableNumber(Connection.Key key) {
        Connection known = byKey.get(key);
        return known != null && known.isUsable() ? known.number() : 0;
    }

    /** The number, at the initiator, of a connection that the target must know too, or 0. Thread-safe. */
    long sharedNumber(Connection.Key key) {
        Connection known = byKey.get(key);
        return known != null && known.isUsable() && known.isPeerJoining() ? known.number() : 0;
    }

    @Nullable
    Connection find(Connection.Key key) {
        Connection known = byKey.get(key);
        return known != null && known.isUsable() ? known : null;
    }

    /** The usable connection with a number, or null. */
    @Nullable
    Connection find(Connection.Key key, long number) {
        Connection known = find(key);
        return known != null && known.number() == number ? known : null;
    }

    /** Counts a use, which keeps a connection from being closed as the one idle longest. */
    void touch(Connection connection) {
        recent.remove(connection);
        recent.add(connection);
    }

    /**
     * Begins a connection as initiator. The unique id is made only now, when the target has accepted: NCCL keeps a thread
     * for it until both have come.
     *
     * @param invite sends the id to the target
     */
    Connection begin(Connection.Key key, Consumer<Message.Join> invite) {
        if (failedConnects >= settings.maxFailedConnects()) {
            throw exhausted(
                    "connects that did not end=" + failedConnects + " = "
                            + NcclConfigKeys.MAX_FAILED_CONNECTS
                            + ": each keeps a thread inside NCCL; find out why peers do not connect, and start this process anew");
        }
        makeRoom(key);
        UniqueId id = new UniqueId(library.nccl().newUniqueId());
        failedConnects++;
        long number = Handshake.randomNumber();
        Connection connection = add(key, number, id);
        var ignored = connection.opened().thenRun(() -> failedConnects--);
        Role invited = key.role().invited();
        invite.accept(new Message.Join(number, invited.ranks(), invited.rank(), id));
        return connection;
    }

    /** Joins a connection as target, in place of one that the initiator has given up. */
    Connection join(Connection.Key key, Message.Join join) {
        Role role = key.role();
        if (join.ranks() != role.ranks() || join.rank() != role.rank() || join.connection() == 0) {
            throw Message.protocolError("asked to join as rank " + join.rank() + " of " + join.ranks()
                    + ", a target is rank " + role.rank() + " of " + role.ranks());
        }
        return role == Role.BOTH ? own(key, join.connection()) : joinPeer(key, join);
    }

    /** The one rank that there is has begun already. */
    private Connection own(Connection.Key key, long number) {
        Connection begun = find(key, number);
        if (begun == null) {
            throw new TransferException(
                    TransferErrorCode.CONNECTION_FAILED, Stage.PREPARE, "the connection to itself has ended");
        }
        return begun;
    }

    private Connection joinPeer(Connection.Key key, Message.Join join) {
        Connection known = find(key);
        if (known != null) {
            known.end(TransferErrorCode.TRANSFER_FAILED, "the initiator connects anew");
        }
        makeRoom(key);
        return add(key, join.connection(), join.uniqueId());
    }

    private Connection add(Connection.Key key, long number, UniqueId id) {
        Deadline timeout = Deadline.after(settings.connectTimeout(), environment.ticker());
        NcclAdapter nccl = library.nccl();
        Connection connection = new Connection(key, number, id, nccl, library.cuda(), settings, timeout);
        byKey.put(key, connection);
        touch(connection);
        return connection;
    }

    private void makeRoom(Connection.Key key) {
        endOfEarlierBoots(key.peer());
        sweep();
        if (byKey.size() + ending.size() < settings.maxConnections()) {
            return;
        }
        for (Connection connection : List.copyOf(recent)) {
            if (connection.isIdle()) {
                connection.end(TransferErrorCode.RESOURCE_EXHAUSTED, "closed to make room, as the one idle longest");
                sweep();
                return;
            }
        }
        throw exhausted("connections=" + settings.maxConnections() + " = " + NcclConfigKeys.MAX_CONNECTIONS
                + ", and none is idle; raise it, or use fewer peers at one time");
    }

    private static TransferException exhausted(String detail) {
        return new TransferException(TransferErrorCode.RESOURCE_EXHAUSTED, Stage.PREPARE, detail);
    }

    /** A node with a new boot id is another process: what was connected to the old one is of no use (R13). */
    private void endOfEarlierBoots(PeerIdentity peer) {
        var ignored = end(
                connection -> connection.key().peer().nodeId().equals(peer.nodeId())
                        && connection.key().peer().bootId() != peer.bootId(),
                TransferErrorCode.PEER_RESTARTED,
                "the peer has restarted: it is " + peer + " now");
    }

    /** Ends those that match; the future completes when the GPU is done with them all. */
    CompletableFuture<Void> end(Predicate<Connection> which, TransferErrorCode code, String detail) {
        List<CompletableFuture<Void>> ends = new ArrayList<>();
        for (Connection connection : List.copyOf(byKey.values())) {
            if (which.test(connection)) {
                connection.end(code, detail);
                ends.add(connection.ended());
            }
        }
        for (Connection connection : ending) {
            if (which.test(connection)) {
                ends.add(connection.ended());
            }
        }
        sweep();
        return CompletableFuture.allOf(ends.toArray(CompletableFuture<?>[]::new));
    }

    /** Forgets memory that is about to go. */
    void deregister(MemoryRegion region) {
        byKey.values().forEach(connection -> connection.deregister(region));
    }

    DeviceThread.Progress poll() {
        DeviceThread.Progress most = DeviceThread.Progress.IDLE;
        for (Connection connection : byKey.values()) {
            most = max(most, poll(connection));
        }
        for (Connection connection : ending) {
            most = max(most, poll(connection));
        }
        sweep();
        return most;
    }

    private static DeviceThread.Progress poll(Connection connection) {
        try {
            return connection.poll();
        } catch (TransferException e) {
            connection.end(e.code(), e.error().detail());
            return DeviceThread.Progress.MOVED;
        }
    }

    private static DeviceThread.Progress max(DeviceThread.Progress one, DeviceThread.Progress other) {
        return one.compareTo(other) >= 0 ? one : other;
    }

    /** Moves the ended ones out of the way of new ones. */
    private void sweep() {
        for (Connection connection : List.copyOf(byKey.values())) {
            if (!connection.isUsable()) {
                byKey.remove(connection.key(), connection);
                recent.remove(connection);
                ending.add(connection);
            }
        }
        ending.removeIf(Connection::isEnded);
    }
}
