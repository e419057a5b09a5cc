package io.kvferry.backend.nccl;

import io.kvferry.backend.nccl.adapter.CommState;
import io.kvferry.backend.nccl.adapter.CudaAdapter;
import io.kvferry.backend.nccl.adapter.NcclAdapter;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A communicator of two ranks for one operation of one initiator at one target, with a stream of its own. What runs on it runs
 * in the order of the numbers that the target gave. Confined to the device thread, but for what says otherwise.
 */
final class Connection {
    private static final Logger LOG = LoggerFactory.getLogger(Connection.class);

    /** Both ranks of every connection; the initiator is the first. */
    static final int RANKS = 2;

    static final int INITIATOR_RANK = 0;
    static final int TARGET_RANK = 1;

    /** What a connection is for; at the peer there is one with the other side's name. */
    record Key(PeerIdentity peer, long instance, Operation operation, Side side) {}

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

    private record Running(Half half, long event) {}

    private final Key key;
    private final long number;
    private final NcclAdapter nccl;
    private final CudaAdapter cuda;
    private final Deadline connectDeadline;
    private final boolean zeroCopy;
    private final long communicator;
    private final long stream;
    private final CompletableFuture<Connection> opened = new CompletableFuture<>();
    private final CompletableFuture<Void> ended = new CompletableFuture<>();
    private final Set<User> users = new HashSet<>();

    private volatile State state = State.CONNECTING;
    private boolean peerJoined;
    /** At the target the next number to give; at the initiator the next whose turn it is. */
    private long nextSequence;

    private final Map<Long, Half> early = new HashMap<>();
    private final Queue<Half> turn = new ArrayDeque<>();
    private @Nullable Half starting;
    private final Queue<Running> running = new ArrayDeque<>();
    private final Queue<Long> freeEvents = new ArrayDeque<>();
    private final Map<MemoryRegion, Long> registrations = new HashMap<>();

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
        this.cuda = cuda;
        this.connectDeadline = until;
        this.zeroCopy = settings.zeroCopy();
        this.peerJoined = key.side() == Side.TARGET;
        this.stream = cuda.createStream();
        try {
            int rank = key.side() == Side.INITIATOR ? INITIATOR_RANK : TARGET_RANK;
            this.communicator = nccl.connect(uniqueId.bytes(), RANKS, rank, settings.maxCtas());
        } catch (RuntimeException e) {
            cuda.destroyStream(stream);
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
        return state == State.OPEN && users.isEmpty() && running.isEmpty() && turn.isEmpty() && starting == null;
    }

    /** Completes when both sides are connected, or fails. Thread-safe. */
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

    /** The target says that it has connected. */
    void peerHasJoined() {
        peerJoined = true;
    }

    /** Gives the next number, at the target. */
    long takeSequence() {
        return nextSequence++;
    }

    /** Posts what the number belongs to, at the target, where numbers are taken in their order. */
    void post(Half half) {
        if (state == State.OPEN) {
            turn.add(half);
        } else {
            half.outcome().dropped();
        }
    }

    /** Posts at the initiator, where answers of different transfers may overtake each other: it waits for its turn. */
    void post(long sequence, Half half) {
        if (state != State.OPEN) {
            half.outcome().dropped();
            return;
        }
        if (sequence < nextSequence || early.putIfAbsent(sequence, half) != null) {
            half.outcome().dropped();
            end(TransferErrorCode.PROTOCOL_ERROR, "the target gave the number " + sequence + " twice");
            return;
        }
        for (Half next = early.remove(nextSequence); next != null; next = early.remove(nextSequence)) {
            nextSequence++;
            turn.add(next);
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
        if (seen == CommState.READY && peerJoined) {
            state = State.OPEN;
            opened.complete(this);
            return DeviceThread.Progress.MOVED;
        }
        if (connectDeadline.isExpired()) {
            end(
                    TransferErrorCode.DEADLINE_EXCEEDED,
                    "NCCL did not connect to " + key.peer()
                            + " in time: check that NCCL_SOCKET_IFNAME names an interface"
                            + " that both machines share and that no firewall closes its ports, or raise"
                            + " kvferry.nccl.connect-timeout");
            return DeviceThread.Progress.MOVED;
        }
        return DeviceThread.Progress.WAITING;
    }

    private DeviceThread.Progress pollOpen() {
        boolean moved = finishRunning();
        CommState seen = nccl.state(communicator);
        if (seen == CommState.FAILED) {
            end(TransferErrorCode.PEER_LOST, "NCCL lost the peer: " + nccl.lastError(communicator));
            return DeviceThread.Progress.MOVED;
        }
        if (seen == CommState.READY) {
            Half begun = starting;
            if (begun != null) {
                starting = null;
                running.add(new Running(begun, recorded()));
                moved = true;
            }
            Half next = turn.poll();
            if (next != null) {
                start(next);
                moved = true;
            }
        }
        if (moved) {
            return DeviceThread.Progress.MOVED;
        }
        return running.isEmpty() && starting == null ? DeviceThread.Progress.IDLE : DeviceThread.Progress.WAITING;
    }

    private boolean finishRunning() {
        boolean moved = false;
        while (!running.isEmpty() && cuda.hasHappened(running.element().event())) {
            Running done = running.remove();
            freeEvents.add(done.event());
            done.half().outcome().done();
            moved = true;
        }
        return moved;
    }

    private long recorded() {
        Long free = freeEvents.poll();
        long event = free != null ? free : cuda.createEvent();
        cuda.record(event, stream);
        return event;
    }

    private void start(Half half) {
        starting = half;
        int peer = key.side() == Side.INITIATOR ? TARGET_RANK : INITIATOR_RANK;
        BlockList blocks = half.blocks();
        try {
            nccl.beginGroup();
            try {
                for (int i = half.range().first(); i < half.range().end(); i++) {
                    MemoryRegion region = blocks.region(i);
                    if (zeroCopy) {
                        registrations.computeIfAbsent(
                                region, memory -> nccl.register(communicator, memory.address(), memory.sizeBytes()));
                    }
                    long address = region.address() + blocks.offset(i);
                    if (half.sends()) {
                        nccl.send(communicator, address, blocks.length(i), peer, stream);
                    } else {
                        nccl.receive(communicator, address, blocks.length(i), peer, stream);
                    }
                }
            } finally {
                nccl.endGroup();
            }
        } catch (TransferException e) {
            end(TransferErrorCode.TRANSFER_FAILED, e.error().detail());
        }
    }

    /** Forgets memory that is about to go. */
    void deregister(MemoryRegion region) {
        Long registration = registrations.remove(region);
        if (registration != null && state == State.OPEN) {
            nccl.deregister(communicator, registration);
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
        List<Half> waiting = new ArrayList<>(turn);
        waiting.addAll(early.values());
        turn.clear();
        early.clear();
        waiting.forEach(half -> half.outcome().dropped());
        List.copyOf(users).forEach(user -> user.connectionEnded(code, detail));
    }

    private DeviceThread.Progress pollEnding() {
        if (!isStreamIdle()) {
            return DeviceThread.Progress.WAITING;
        }
        List<Half> dropped = new ArrayList<>();
        if (starting != null) {
            dropped.add(starting);
            starting = null;
        }
        running.forEach(each -> {
            dropped.add(each.half());
            freeEvents.add(each.event());
        });
        running.clear();
        state = State.ENDED;
        users.clear();
        release();
        dropped.forEach(half -> half.outcome().dropped());
        ended.complete(null);
        return DeviceThread.Progress.MOVED;
    }

    private boolean isStreamIdle() {
        try {
            return cuda.isIdle(stream);
        } catch (TransferException e) {
            // an error that stays with the device: its context is lost, and no kernel of it runs
            LOG.warn("the device is lost for {}", key.peer(), e);
            return true;
        }
    }

    private void release() {
        try {
            freeEvents.forEach(cuda::destroyEvent);
            cuda.destroyStream(stream);
        } catch (TransferException e) {
            LOG.warn("events and stream of a connection with {} are left behind", key.peer(), e);
        }
        freeEvents.clear();
    }

    @Override
    public String toString() {
        return "connection " + Long.toHexString(number) + " for " + key.operation() + " with " + key.peer();
    }
}
