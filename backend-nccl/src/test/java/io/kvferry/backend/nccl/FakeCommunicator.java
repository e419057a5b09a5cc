package io.kvferry.backend.nccl;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/** One rank of a communicator of one or two, as {@link FakeNccl} keeps it. Guarded by the fake's lock. */
final class FakeCommunicator {
    /** How often a call is answered IN_PROGRESS before it is over. */
    static final int CALLS_IN_PROGRESS = 2;

    /** What two ranks that know one id share. */
    static final class Pair {
        final FakeCommunicator[] ranks = new FakeCommunicator[2];
    }

    final long handle;
    final int ranks;
    final int rank;
    final Pair pair;
    final Thread owner = Thread.currentThread();
    /** By their turn, until they are matched. */
    final Map<Integer, FakeGroup> posted = new HashMap<>();

    int turns;
    final Set<Long> registrations = new HashSet<>();
    int inProgress = CALLS_IN_PROGRESS;
    long startingOn;
    boolean failed;
    boolean aborted;

    FakeCommunicator(long handle, int ranks, int rank, Pair pair) {
        this.handle = handle;
        this.ranks = ranks;
        this.rank = rank;
        this.pair = pair;
    }

    boolean isConnected() {
        return ranks == 1 || (pair.ranks[0] != null && pair.ranks[1] != null);
    }
}
