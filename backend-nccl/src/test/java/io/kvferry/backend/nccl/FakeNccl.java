package io.kvferry.backend.nccl;

import io.kvferry.backend.nccl.adapter.CommState;
import io.kvferry.backend.nccl.adapter.NcclAdapter;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** NCCL of a {@link FakeGpu}: communicators of one or two ranks in one process, whose calls take their time. Thread-safe. */
final class FakeNccl implements NcclAdapter {
    private final FakeMemory memory;
    private final FakeStreams streams;
    private final Map<ByteBuffer, FakeCommunicator.Pair> ids = new HashMap<>();
    private final Map<Long, FakeCommunicator> communicators = new HashMap<>();
    private final ThreadLocal<List<FakeGroup.Piece>> group = new ThreadLocal<>();
    private final ThreadLocal<long[]> groupOf = new ThreadLocal<>();
    private long last = 0x9000;
    private int lastMaxCtas;
    private int groups;
    private boolean frozen;
    private boolean failing;
    private boolean corrupting;
    private Set<Integer> deaf = Set.of();
    private final Set<Thread> callers = new LinkedHashSet<>();

    FakeNccl(FakeMemory memory, FakeStreams streams) {
        this.memory = memory;
        this.streams = streams;
    }

    /** Stops all bytes. */
    synchronized void freeze(boolean on) {
        frozen = on;
        streams.wake();
    }

    /** Fails every group that begins. */
    synchronized void fail(boolean on) {
        failing = on;
    }

    /** Changes a byte of every piece. */
    synchronized void corrupt(boolean on) {
        corrupting = on;
    }

    /** Lets these ranks, and no others, not get through to their peers. */
    synchronized void deafen(Integer... ranks) {
        deaf = Set.of(ranks);
    }

    /** What the last communicator was limited to. */
    synchronized int maxCtas() {
        return lastMaxCtas;
    }

    /** Groups that have begun, of all communicators. */
    synchronized int groups() {
        return groups;
    }

    /** Threads that have made communicators; no other may use one. */
    synchronized Set<Thread> callers() {
        return Set.copyOf(callers);
    }

    /** Registrations of memory, of all communicators. */
    synchronized int registrations() {
        return communicators.values().stream()
                .mapToInt(each -> each.registrations.size())
                .sum();
    }

    synchronized int openCommunicators() {
        return communicators.size();
    }

    @Override
    public synchronized byte[] newUniqueId() {
        ByteBuffer id = ByteBuffer.allocate(ID_BYTES).putLong(0, ++last);
        ids.put(id, new FakeCommunicator.Pair());
        return id.array().clone();
    }

    @Override
    public synchronized long connect(byte[] uniqueId, int ranks, int rank, int maxCtas) {
        FakeCommunicator.Pair pair = ids.get(ByteBuffer.wrap(uniqueId));
        if (pair == null || ranks < 1 || ranks > 2 || rank < 0 || rank >= ranks) {
            throw new TransferException(
                    TransferErrorCode.CONNECTION_FAILED, Stage.PREPARE, "the fake knows no such id or rank");
        }
        lastMaxCtas = maxCtas;
        callers.add(Thread.currentThread());
        FakeCommunicator made = new FakeCommunicator(++last, ranks, rank, pair);
        if (pair.ranks[rank] != null) {
            made.failed = true;
        } else {
            pair.ranks[rank] = made;
        }
        communicators.put(made.handle, made);
        return made.handle;
    }

    private FakeCommunicator find(long handle) {
        FakeCommunicator known = communicators.get(handle);
        if (known == null) {
            throw new IllegalStateException("a communicator is used after abort: " + handle);
        }
        if (known.owner != Thread.currentThread()) {
            throw new IllegalStateException("a communicator of " + known.owner + " is used elsewhere");
        }
        return known;
    }

    private FakeCommunicator usable(long handle) {
        FakeCommunicator known = find(handle);
        if (known.failed || known.inProgress > 0 || !known.isConnected()) {
            throw new IllegalStateException("a communicator is used before its last call was over");
        }
        return known;
    }

    @Override
    public synchronized CommState state(long handle) {
        FakeCommunicator known = find(handle);
        if (known.failed) {
            return CommState.FAILED;
        }
        if (!known.isConnected() || (deaf.contains(known.rank) && known.turns == 0)) {
            return CommState.IN_PROGRESS;
        }
        if (known.inProgress > 0) {
            known.inProgress--;
            return CommState.IN_PROGRESS;
        }
        known.startingOn = 0;
        return CommState.READY;
    }

    @Override
    public synchronized String lastError(long handle) {
        return "the fake was told to fail";
    }

    @Override
    public void beginGroup() {
        if (group.get() != null) {
            throw new IllegalStateException("a group in a group");
        }
        group.set(new ArrayList<>());
    }

    @Override
    public void send(long communicator, long address, long bytes, int peer, long stream) {
        add(communicator, new FakeGroup.Piece(true, address, bytes), peer, stream);
    }

    @Override
    public void receive(long communicator, long address, long bytes, int peer, long stream) {
        add(communicator, new FakeGroup.Piece(false, address, bytes), peer, stream);
    }

    private synchronized void add(long handle, FakeGroup.Piece piece, int peer, long stream) {
        FakeCommunicator known = usable(handle);
        if (peer != known.ranks - 1 - known.rank) {
            throw new IllegalStateException("a peer of rank " + peer);
        }
        memory.device(piece.address(), piece.bytes());
        memory.pin(piece.address(), 1);
        group.get().add(piece);
        groupOf.set(new long[] {handle, stream});
    }

    @Override
    public synchronized void endGroup() {
        List<FakeGroup.Piece> pieces = group.get();
        group.remove();
        if (pieces.isEmpty()) {
            return;
        }
        groups++;
        FakeCommunicator known = find(groupOf.get()[0]);
        long stream = groupOf.get()[1];
        if (known.ranks == 1 && !FakeGroup.isBalanced(pieces)) {
            throw new IllegalStateException("a send to self without its receive, or the other way round");
        }
        known.inProgress = FakeCommunicator.CALLS_IN_PROGRESS;
        known.startingOn = stream;
        FakeGroup begun = new FakeGroup(known, pieces, this::step);
        known.posted.put(begun.turn, begun);
        known.failed |= failing;
        streams.add(stream, begun);
    }

    /** A stream must not be used while the call that fills it is in progress. */
    synchronized void requireStarted(long stream) {
        if (communicators.values().stream().anyMatch(each -> each.startingOn == stream)) {
            throw new IllegalStateException("the stream is used before its group has started");
        }
    }

    /** Goes on with a group; after an abort it writes once more, and then leaves the stream. */
    private synchronized boolean step(FakeGroup mine) {
        FakeCommunicator me = mine.communicator;
        if (me.aborted) {
            mine.pieces.stream().filter(piece -> !piece.sends()).forEach(this::scribble);
            release(mine);
            return true;
        }
        if (frozen || me.failed) {
            return false;
        }
        if (!mine.matched && me.ranks == 1) {
            moveToSelf(mine);
        } else if (!mine.matched) {
            FakeGroup other = mine.counterpart();
            if (other == null) {
                return false;
            }
            move(mine, other);
        }
        release(mine);
        return true;
    }

    /** The first send goes to the first receive, and so on. */
    private void moveToSelf(FakeGroup group) {
        List<FakeGroup.Piece> sends =
                group.pieces.stream().filter(FakeGroup.Piece::sends).toList();
        List<FakeGroup.Piece> receives =
                group.pieces.stream().filter(piece -> !piece.sends()).toList();
        for (int i = 0; i < sends.size(); i++) {
            copy(sends.get(i), receives.get(i));
        }
        group.matched = true;
        group.communicator.posted.remove(group.turn);
    }

    private void move(FakeGroup one, FakeGroup other) {
        for (int i = 0; i < one.pieces.size(); i++) {
            FakeGroup.Piece here = one.pieces.get(i);
            FakeGroup.Piece there = other.pieces.get(i);
            copy(here.sends() ? here : there, here.sends() ? there : here);
        }
        for (FakeGroup each : List.of(one, other)) {
            each.matched = true;
            each.communicator.posted.remove(each.turn);
        }
    }

    private void copy(FakeGroup.Piece from, FakeGroup.Piece to) {
        MemorySegment bytes = memory.device(to.address(), to.bytes());
        MemorySegment.copy(memory.device(from.address(), from.bytes()), 0, bytes, 0, to.bytes());
        if (corrupting) {
            bytes.set(ValueLayout.JAVA_BYTE, 0, (byte) ~bytes.get(ValueLayout.JAVA_BYTE, 0));
        }
    }

    private void scribble(FakeGroup.Piece piece) {
        memory.device(piece.address(), piece.bytes()).fill((byte) 0x5A);
    }

    private void release(FakeGroup group) {
        group.pieces.forEach(piece -> memory.pin(piece.address(), -1));
    }

    @Override
    public synchronized void abort(long handle) {
        FakeCommunicator known = find(handle);
        known.aborted = true;
        streams.wake();
        communicators.remove(handle);
    }

    @Override
    public synchronized long register(long communicator, long address, long bytes) {
        FakeCommunicator known = usable(communicator);
        memory.device(address, bytes);
        known.registrations.add(++last);
        return last;
    }

    @Override
    public synchronized void deregister(long communicator, long registration) {
        if (!find(communicator).registrations.remove(registration)) {
            throw new IllegalStateException("no such registration");
        }
    }

    @Override
    public long allocate(long bytes) {
        return memory.allocateForNccl(0, bytes);
    }

    @Override
    public void free(long address) {
        memory.free(address);
    }
}
