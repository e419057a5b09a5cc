package io.kvferry.backend.nccl;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Numbers the parts of one connection at the target, and brings their halves to the lane in an order that cannot hang. Confined to
 * the device thread.
 */
sealed interface Turns {
    /** The turns of one side of a connection. */
    static Turns of(Role role, Lane lane) {
        return role == Role.BOTH ? new WithSelf(lane) : new WithPeer(lane);
    }

    /** Gives the next number, at the target. */
    long take();

    /** Takes the target's half of the number that was given last. */
    void atTarget(long number, Half half);

    /**
     * Takes the initiator's half of a number that the target has given.
     *
     * @return false if that number had its half already; nothing is kept then
     */
    boolean atInitiator(long number, Half half);

    /** Takes back what has not come to the lane. */
    List<Half> withdraw();

    /** Two ranks: NCCL matches by order alone, so both sides post by the numbers. */
    final class WithPeer implements Turns {
        private final Lane lane;
        /** At the target the next number to give; at the initiator the next whose turn it is. */
        private long next;

        private final Map<Long, Half> early = new HashMap<>();

        private WithPeer(Lane lane) {
            this.lane = lane;
        }

        @Override
        public long take() {
            return next++;
        }

        @Override
        public void atTarget(long number, Half half) {
            lane.add(List.of(half));
        }

        /** Answers of different transfers may overtake each other. */
        @Override
        public boolean atInitiator(long number, Half half) {
            if (number < next || early.putIfAbsent(number, half) != null) {
                return false;
            }
            for (Half ready = early.remove(next); ready != null; ready = early.remove(next)) {
                next++;
                lane.add(List.of(ready));
            }
            return true;
        }

        @Override
        public List<Half> withdraw() {
            List<Half> waiting = new ArrayList<>(early.values());
            early.clear();
            return waiting;
        }
    }

    /** One rank: NCCL wants both halves of a part in one group. */
    final class WithSelf implements Turns {
        private final Lane lane;
        private final Map<Long, Half> alone = new HashMap<>();
        private long next;

        private WithSelf(Lane lane) {
            this.lane = lane;
        }

        @Override
        public long take() {
            return next++;
        }

        @Override
        public void atTarget(long number, Half half) {
            alone.put(number, half);
        }

        @Override
        public boolean atInitiator(long number, Half half) {
            Half other = alone.remove(number);
            if (other == null) {
                return false;
            }
            lane.add(List.of(half, other));
            return true;
        }

        @Override
        public List<Half> withdraw() {
            List<Half> waiting = new ArrayList<>(alone.values());
            alone.clear();
            return waiting;
        }
    }
}
