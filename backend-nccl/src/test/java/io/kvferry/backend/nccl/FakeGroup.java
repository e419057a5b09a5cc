package io.kvferry.backend.nccl;

import java.util.List;
import java.util.function.Predicate;

/** Some sends and receives that started together on a stream. Guarded by the fake's lock. */
final class FakeGroup implements FakeStreams.Work {
    /** One send or receive. */
    record Piece(boolean sends, long address, long bytes) {}

    final FakeCommunicator communicator;
    final List<Piece> pieces;
    final int turn;
    boolean matched;
    private final Predicate<FakeGroup> step;

    FakeGroup(FakeCommunicator communicator, List<Piece> pieces, Predicate<FakeGroup> step) {
        this.communicator = communicator;
        this.pieces = pieces;
        this.turn = communicator.turns++;
        this.step = step;
    }

    @Override
    public boolean step() {
        return step.test(this);
    }

    /** Tells whether there are as many sends as receives. */
    static boolean isBalanced(List<Piece> pieces) {
        return 2 * pieces.stream().filter(Piece::sends).count() == pieces.size();
    }

    /** The peer's group of the same turn, if it is there and fits; what does not fit hangs. */
    FakeGroup counterpart() {
        FakeCommunicator peer = communicator.pair.ranks[1 - communicator.rank];
        FakeGroup other = peer.posted.get(turn);
        if (peer.aborted || peer.failed || other == null || other.pieces.size() != pieces.size()) {
            return null;
        }
        for (int i = 0; i < pieces.size(); i++) {
            Piece here = pieces.get(i);
            Piece there = other.pieces.get(i);
            if (here.bytes() != there.bytes() || here.sends() == there.sends()) {
                return null;
            }
        }
        return other;
    }
}
