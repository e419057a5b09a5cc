package io.kvferry.backend.nccl;

/** What this side of a connection is, to the transfers on it and to NCCL. */
enum Role {
    /** Calls prepare: the first of two ranks. */
    INITIATOR(2, 0),
    /** Offers memory: the second of two ranks. */
    TARGET(2, 1),
    /** An engine that moves blocks to itself: one rank alone, because NCCL refuses two on one GPU of one process. */
    BOTH(1, 0);

    private final int ranks;
    private final int rank;

    Role(int ranks, int rank) {
        this.ranks = ranks;
        this.rank = rank;
    }

    /** How many ranks the communicator has. */
    int ranks() {
        return ranks;
    }

    /** Which of them this side is. */
    int rank() {
        return rank;
    }

    /** Which of them the other side is. */
    int peerRank() {
        return ranks - 1 - rank;
    }

    /** What the side that is invited is. */
    Role invited() {
        return this == INITIATOR ? TARGET : this;
    }
}
