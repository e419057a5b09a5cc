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
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** NCCL of a {@link FakeGpu}: communicators of two ranks in one process, whose calls take their time. Thread-safe. */
final class FakeNccl implements NcclAdapter {
    /** How often a call is answered IN_PROGRESS before it is over. */
    private static final int CALLS_IN_PROGRESS = 2;

    /** What two ranks that know one id share. */
    private static final class Pair {
        final Communicator[] ranks = new Communicator[2];
    }

    /** One send or receive of a group. */
    private record Piece(boolean sends, long address, long bytes) {}

    /** A group on its stream. */
    private final class Group implements FakeStreams.Work {
        final Communicator communicator;
        final List<Piece> pieces;
        boolean matched;

        Group(Communicator communicator, List<Piece> pieces) {
            this.communicator = communicator;
            this.pieces = pieces;
        }

        @Override
        public boolean step() {
            return stepGroup(this);
        }
    }

    private static final class Communicator {
        final long handle;
        final int rank;
        final Pair pair;
        final Thread owner = Thread.currentThread();
        final List<Group> posted = new ArrayList<>();
        final Set<Long> registrations = new HashSet<>();
        int inProgress = CALLS_IN_PROGRESS;
        long startingOn;
        boolean failed;
        boolean aborted;

        Communicator(long handle, int rank, Pair pair) {
            this.handle = handle;
            this.rank = rank;
            this.pair = pair;
        }

        boolean isConnected() {
            return pair.ranks[0] != null && pair.ranks[1] != null;
        }
    }

    private final FakeMemory memory;
    private final FakeStreams streams;
    private final Map<ByteBuffer, Pair> ids = new HashMap<>();
    private final Map<Long, Communicator> communicators = new HashMap<>();
    private final ThreadLocal<List<Piece>> group = new ThreadLocal<>();
    private final ThreadLocal<long[]> groupOf = new ThreadLocal<>();
    private long last = 0x9000;
    private boolean frozen;
    private boolean failing;
    private boolean corrupting;
    private boolean deaf;

    FakeNccl(FakeMemory memory, FakeStreams streams) {
        this.memory = memory;
        this.streams = streams;
    }

    /** Stops all bytes. */
    synchronized void freeze(boolean on) {
        frozen = on;
    }

    /** Fails every group that begins. */
    synchronized void fail(boolean on) {
        failing = on;
    }

    /** Changes a byte of every piece. */
    synchronized void corrupt(boolean on) {
        corrupting = on;
    }

    /** Lets no two ranks meet. */
    synchronized void deafen(boolean on) {
        deaf = on;
    }

    synchronized int openCommunicators() {
        return communicators.size();
    }

    @Override
    public synchronized byte[] newUniqueId() {
        ByteBuffer id = ByteBuffer.allocate(ID_BYTES).putLong(0, ++last);
        ids.put(id, new Pair());
        return id.array().clone();
    }

    @Override
    public synchronized long connect(byte[] uniqueId, int ranks, int rank, int maxCtas) {
        Pair pair = ids.get(ByteBuffer.wrap(uniqueId));
        if (pair == null || ranks != 2 || rank < 0 || rank > 1) {
            throw new TransferException(
                    TransferErrorCode.CONNECTION_FAILED, Stage.PREPARE, "the fake knows no such id or rank");
        }
        Communicator made = new Communicator(++last, rank, pair);
        if (pair.ranks[rank] != null) {
            made.failed = true;
        } else {
            pair.ranks[rank] = made;
        }
        communicators.put(made.handle, made);
        return made.handle;
    }

    private Communicator find(long handle) {
        Communicator known = communicators.get(handle);
        if (known == null) {
            throw new IllegalStateException("a communicator is used after abort: " + handle);
        }
        if (known.owner != Thread.currentThread()) {
            throw new IllegalStateException("a communicator of " + known.owner + " is used elsewhere");
        }
        return known;
    }

    private Communicator usable(long handle) {
        Communicator known = find(handle);
        if (known.failed || known.inProgress > 0 || !known.isConnected()) {
            throw new IllegalStateException("a communicator is used before its last call was over");
        }
        return known;
    }

    @Override
    public synchronized CommState state(long handle) {
        Communicator known = find(handle);
        if (known.failed) {
            return CommState.FAILED;
        }
        if (!known.isConnected() || (deaf && known.posted.isEmpty())) {
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
        add(communicator, new Piece(true, address, bytes), peer, stream);
    }

    @Override
    public void receive(long communicator, long address, long bytes, int peer, long stream) {
        add(communicator, new Piece(false, address, bytes), peer, stream);
    }

    private synchronized void add(long handle, Piece piece, int peer, long stream) {
        Communicator known = usable(handle);
        if (peer != 1 - known.rank) {
            throw new IllegalStateException("a peer of rank " + peer);
        }
        memory.device(piece.address(), piece.bytes());
        memory.pin(piece.address(), 1);
        group.get().add(piece);
        groupOf.set(new long[] {handle, stream});
    }

    @Override
    public synchronized void endGroup() {
        List<Piece> pieces = group.get();
        group.remove();
        if (pieces.isEmpty()) {
            return;
        }
        Communicator known = find(groupOf.get()[0]);
        long stream = groupOf.get()[1];
        known.inProgress = CALLS_IN_PROGRESS;
        known.startingOn = stream;
        Group begun = new Group(known, pieces);
        known.posted.add(begun);
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
    private synchronized boolean stepGroup(Group mine) {
        Communicator me = mine.communicator;
        if (me.aborted) {
            mine.pieces.stream().filter(piece -> !piece.sends()).forEach(this::scribble);
            release(mine);
            return true;
        }
        if (frozen || me.failed) {
            return false;
        }
        if (!mine.matched) {
            Group other = counterpart(mine);
            if (other == null) {
                return false;
            }
            move(mine, other);
        }
        release(mine);
        return true;
    }

    /** The peer's group of the same turn, if it is there and fits; what does not fit hangs. */
    private static Group counterpart(Group mine) {
        Communicator peer = mine.communicator.pair.ranks[1 - mine.communicator.rank];
        int turn = mine.communicator.posted.indexOf(mine);
        if (peer.aborted || peer.failed || turn >= peer.posted.size()) {
            return null;
        }
        Group other = peer.posted.get(turn);
        if (other.pieces.size() != mine.pieces.size()) {
            return null;
        }
        for (int i = 0; i < mine.pieces.size(); i++) {
            Piece here = mine.pieces.get(i);
            Piece there = other.pieces.get(i);
            if (here.bytes() != there.bytes() || here.sends() == there.sends()) {
                return null;
            }
        }
        return other;
    }

    private void move(Group one, Group other) {
        for (int i = 0; i < one.pieces.size(); i++) {
            Piece here = one.pieces.get(i);
            Piece there = other.pieces.get(i);
            Piece from = here.sends() ? here : there;
            Piece to = here.sends() ? there : here;
            MemorySegment.copy(
                    memory.device(from.address(), from.bytes()),
                    0,
                    memory.device(to.address(), to.bytes()),
                    0,
                    to.bytes());
            if (corrupting) {
                MemorySegment bytes = memory.device(to.address(), to.bytes());
                bytes.set(ValueLayout.JAVA_BYTE, 0, (byte) ~bytes.get(ValueLayout.JAVA_BYTE, 0));
            }
        }
        one.matched = true;
        other.matched = true;
    }

    private void scribble(Piece piece) {
        memory.device(piece.address(), piece.bytes()).fill((byte) 0x5A);
    }

    private void release(Group group) {
        group.pieces.forEach(piece -> memory.pin(piece.address(), -1));
    }

    @Override
    public synchronized void abort(long handle) {
        Communicator known = find(handle);
        known.aborted = true;
        communicators.remove(handle);
    }

    @Override
    public synchronized long register(long communicator, long address, long bytes) {
        Communicator known = usable(communicator);
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
        return memory.allocate(0, bytes);
    }

    @Override
    public void free(long address) {
        memory.free(address);
    }
}
