package io.kvferry.backend.nccl;

import io.kvferry.backend.nccl.adapter.CommState;
import io.kvferry.backend.nccl.adapter.CudaAdapter;
import io.kvferry.backend.nccl.adapter.NcclAdapter;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A communicator for one operation of one initiator at one target, with a stream of its own. What runs on it runs in the order of
 * the numbers that the target gave. Confined to the device thread, but for what says otherwise.
 */
final class Connection {
    private static final Logger LOG = LoggerFactory.getLogger(Connection.class);

    /** What to look at when a connection does not come about. */
    static final String ADVICE = "check that NCCL_SOCKET_IFNAME names an interface that both machines share and that no"
            + " firewall closes its ports";

    /** What a connection is for; at the peer there is one with the other side's name. */
    record Key(PeerIdentity peer, long instance, Operation operation, Role role) {}

    /** A transfer that uses the connection. */
    interface User {
        /** Whose transfer it is. */
        TransferSide side();

        /** The connection has ended; halves that were posted are dropped once the GPU is done with them. */
        void connectionEnded(TransferErrorCode code, String detail);
    }

    private enum State {
        CONNECTING,
        OPEN,
        ENDING,
        ENDED
    }

    private final Key key;
    private final long number;
    private final NcclAdapter nccl;
    private final Deadline connectDeadline;
    private final long communicator;
    private final Lane lane;
    private final Turns turns;
    private final CompletableFuture<Connection> opened = new CompletableFuture<>();
    private final CompletableFuture<Void> ended = new CompletableFuture<>();
    private final Set<User> users = new HashSet<>();

    private volatile State state = State.CONNECTING;
    private volatile boolean peerJoins;

    /**
     * Begins to connect.
     *
     * @throws TransferException CONNECTION_FAILED when NCCL refuses at once; nothing is left behind then
     */
    Connection(
            Key key,
            long number,
            UniqueId uniqueId,
            NcclAdapter nccl,
            CudaAdapter cuda,
            Settings settings,
            Deadline until) {
        this.key = key;
        this.number = number;
        this.nccl = nccl;
        this.connectDeadline = until;
        Role role = key.role();
        this.lane = new Lane(nccl, cuda, role.peerRank(), settings.zeroCopy());
        this.turns = Turns.of(role, lane);
        try {
            this.communicator = nccl.connect(uniqueId.bytes(), role.ranks(), role.rank(), settings.maxCtas());
        } catch (RuntimeException e) {
            lane.close();
            throw e;
        }
    }

    Key key() {
        return key;
    }

    long number() {
        return number;
    }

    /** Thread-safe. */
    boolean isOpen() {
        return state == State.OPEN;
    }

    /** Thread-safe. */
    boolean isUsable() {
        return state == State.OPEN || state == State.CONNECTING;
    }

    boolean isEnded() {
        return state == State.ENDED;
    }

    boolean isIdle() {
        return state == State.OPEN && users.isEmpty() && lane.isEmpty();
    }

    /** Completes when this side is connected, or fails. Thread-safe. */
    CompletableFuture<Connection> opened() {
        return opened;
    }

    /** Completes when the GPU touches nothing of it any more. Thread-safe. */
    CompletableFuture<Void> ended() {
        return ended;
    }

    void add(User user) {
        users.add(user);
    }

    void remove(User user) {
        users.remove(user);
    }

    /** Tells whether an attempt of a transfer uses it. */
    boolean carries(TransferId id, int attempt) {
        return users.stream()
                .map(user -> user.side().terms())
                .anyMatch(terms -> terms.id().equals(id) && terms.attempt() == attempt);
    }

    /** The target says that it connects too. */
    void peerHasJoined() {
        peerJoins = true;
    }

    /** Tells whether the target is known to have begun too, so that NCCL will come to an end. Thread-safe. */
    boolean isPeerJoining() {
        return peerJoins || state == State.OPEN;
    }

    /** Gives the next number, at the target. */
    long takeSequence() {
        return turns.take();
    }

    /** Posts the target's half of the number that was given last. */
    void postAtTarget(long sequence, Half half) {
        if (state == State.OPEN) {
            turns.atTarget(sequence, half);
        } else {
            half.outcome().dropped();
        }
    }

    /** Posts the initiator's half of a number, when its turn comes. */
    void postAtInitiator(long sequence, Half half) {
        if (state != State.OPEN) {
            half.outcome().dropped();
        } else if (!turns.atInitiator(sequence, half)) {
            half.outcome().dropped();
            end(TransferErrorCode.PROTOCOL_ERROR, "the target gave the number " + sequence + " twice");
        }
    }

    /** Looks what has happened, and starts what can be. */
    DeviceThread.Progress poll() {
        return switch (state) {
            case CONNECTING -> pollConnecting();
            case OPEN -> pollOpen();
            case ENDING -> pollEnding();
            case ENDED -> DeviceThread.Progress.IDLE;
        };
    }

    private DeviceThread.Progress pollConnecting() {
        CommState seen = nccl.state(communicator);
        if (seen == CommState.FAILED) {
            end(TransferErrorCode.CONNECTION_FAILED, "NCCL could not connect: " + nccl.lastError(communicator));
            return DeviceThread.Progress.MOVED;
        }
        if (seen == CommState.READY) {
            state = State.OPEN;
            opened.complete(this);
            return DeviceThread.Progress.MOVED;
        }
        if (connectDeadline.isExpired()) {
            end(
                    TransferErrorCode.DEADLINE_EXCEEDED,
                    "NCCL did not connect to " + key.peer() + " in time: " + ADVICE + ", or raise "
                            + NcclConfigKeys.CONNECT_TIMEOUT);
            return DeviceThread.Progress.MOVED;
        }
        return DeviceThread.Progress.WAITING;
    }

    private DeviceThread.Progress pollOpen() {
        boolean moved = lane.finishRunning();
        CommState seen = nccl.state(communicator);
        if (seen == CommState.FAILED) {
            end(TransferErrorCode.PEER_LOST, "NCCL lost the peer: " + nccl.lastError(communicator));
            return DeviceThread.Progress.MOVED;
        }
        if (seen == CommState.READY) {
            moved |= lane.advance(communicator);
        }
        if (moved) {
            return DeviceThread.Progress.MOVED;
        }
        return lane.isRunning() ? DeviceThread.Progress.WAITING : DeviceThread.Progress.IDLE;
    }

    private DeviceThread.Progress pollEnding() {
        if (!lane.isIdle()) {
            return DeviceThread.Progress.WAITING;
        }
        state = State.ENDED;
        users.clear();
        lane.close();
        ended.complete(null);
        return DeviceThread.Progress.MOVED;
    }

    /** Forgets memory that is about to go. */
    void deregister(MemoryRegion region) {
        if (state == State.OPEN) {
            lane.deregister(communicator, region);
        }
    }

    /** Aborts. What is posted is dropped once the GPU is done with it, and everyone who uses the connection fails. */
    void end(TransferErrorCode code, String detail) {
        if (state == State.ENDING || state == State.ENDED) {
            return;
        }
        state = State.ENDING;
        LOG.debug("connection {} with {} ends: {} {}", Long.toHexString(number), key.peer(), code, detail);
        try {
            nccl.abort(communicator);
        } catch (TransferException e) {
            LOG.warn("a communicator with {} could not be aborted", key.peer(), e);
        }
        opened.completeExceptionally(new TransferException(code, Stage.PREPARE, detail));
        List<Half> waiting = turns.withdraw();
        lane.dropWaiting();
        waiting.forEach(half -> half.outcome().dropped());
        List.copyOf(users).forEach(user -> user.connectionEnded(code, detail));
    }

    @Override
    public String toString() {
        return "connection " + Long.toHexString(number) + " for " + key.operation() + " with " + key.peer();
    }
}
