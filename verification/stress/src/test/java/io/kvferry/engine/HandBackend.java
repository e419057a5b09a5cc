package io.kvferry.engine;

import io.kvferry.spi.AbortScope;
import io.kvferry.spi.Availability;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEndpoint;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.BackendInfo;
import io.kvferry.spi.BackendLimits;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Capability;
import io.kvferry.spi.CloseReport;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Descriptor;
import io.kvferry.spi.InitiatorPlan;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.Isolation;
import io.kvferry.spi.MemoryHandle;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Proposal;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.ResetScope;
import io.kvferry.spi.TargetPlan;
import io.kvferry.spi.TargetTransfer;
import io.kvferry.spi.TransferBackend;
import io.kvferry.spi.TransferBackendProvider;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferState;
import io.kvferry.spi.TransferStatus;
import io.kvferry.spi.WireId;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Moves a block when a test says so, and counts who may write a lease's memory at the same time. */
final class HandBackend implements TransferBackend {
    private final Map<TransferId, Move> moves = new ConcurrentHashMap<>();

    /** What has been submitted and applied of one transfer, seen from both sides. */
    static final class Move {
        private final BitSet submitted = new BitSet();
        private final BitSet applied = new BitSet();
        private int blocks;
        /** Attempts that may write, by the deadline of their lease, which tells leases of one id apart. */
        private final Map<Long, Integer> open = new HashMap<>();

        private int mostOpen;
        private InitiatorPlan plan;

        private synchronized void prepared(InitiatorPlan newPlan) {
            plan = newPlan;
            blocks = newPlan.blocks().size();
            submitted.clear();
            applied.clear();
        }

        private synchronized void submit(BlockRange range) {
            submitted.set(range.first(), range.end());
        }

        /** Applies a block, if it was submitted and is not applied. Not a moment passes between the two. */
        synchronized boolean apply(int block) {
            if (!submitted.get(block) || applied.get(block)) {
                return false;
            }
            applied.set(block);
            plan.observer().applied(new BlockRange(block, 1));
            return true;
        }

        private synchronized void accepted(int size, long lease) {
            blocks = size;
            mostOpen = Math.max(mostOpen, open.merge(lease, 1, Integer::sum));
        }

        private synchronized void targetFinished(long lease) {
            open.merge(lease, -1, Integer::sum);
        }

        /** How many attempts could write the same memory at the same time, at the worst moment. */
        synchronized int mostOpen() {
            return mostOpen;
        }

        private synchronized TransferStatus status() {
            int done = applied.cardinality();
            return new TransferStatus(TransferState.IN_FLIGHT, done, blocks, done, blocks, null);
        }
    }

    Move move(TransferId id) {
        return moves.computeIfAbsent(id, unknown -> new Move());
    }

    void forget(TransferId id) {
        moves.remove(id);
    }

    @Override
    public BackendInfo info() {
        return new BackendInfo(
                "hand",
                new WireId("hand", 1),
                Set.of(
                        Capability.READ,
                        Capability.WRITE,
                        Capability.HOST_MEMORY,
                        Capability.REVOKE,
                        Capability.TARGET_PROGRESS),
                Isolation.LEASE,
                AbortScope.TRANSFER,
                BackendLimits.NONE,
                "moves by hand");
    }

    @Override
    public BackendEndpoint endpoint() {
        return BackendEndpoint.EMPTY;
    }

    @Override
    public MemoryHandle register(MemoryRegion region, Deadline deadline) {
        return new Handle(region);
    }

    private record Handle(MemoryRegion region) implements MemoryHandle {
        @Override
        public void deregister(Deadline deadline) {
            // nothing is registered
        }
    }

    @Override
    public Proposal propose(InitiatorPlan plan) {
        return Proposal.EMPTY;
    }

    @Override
    public TargetTransfer accept(TargetPlan plan, Proposal proposal, Deadline deadline) {
        Move move = move(plan.id());
        long lease = plan.deadline().atNanos();
        move.accepted(plan.blocks().size(), lease);
        return new Target(move, lease);
    }

    @Override
    public InitiatorTransfer prepare(InitiatorPlan plan, Descriptor descriptor, Deadline deadline) {
        Move move = move(plan.id());
        move.prepared(plan);
        return new Initiator(move);
    }

    @Override
    public void reset(ResetScope scope, Deadline deadline) {
        // nothing is ever in flight
    }

    @Override
    public CloseReport close(Deadline deadline) {
        return CloseReport.CLEAN;
    }

    private record Initiator(Move move) implements InitiatorTransfer {
        @Override
        public void submit(BlockRange blocks) {
            move.submit(blocks);
        }

        @Override
        public TransferStatus status() {
            return move.status();
        }

        @Override
        public Quiescence finish(Deadline grace) {
            return Quiescence.QUIESCENT;
        }
    }

    private static final class Target implements TargetTransfer {
        private final Move move;
        private final long lease;
        private boolean finished;

        Target(Move move, long lease) {
            this.move = move;
            this.lease = lease;
        }

        @Override
        public Descriptor descriptor() {
            return Descriptor.EMPTY;
        }

        @Override
        public TransferStatus status() {
            return move.status();
        }

        @Override
        public void seal() {
            // nothing begins by itself
        }

        @Override
        public synchronized Quiescence finish(Deadline grace) {
            if (!finished) {
                finished = true;
                move.targetFinished(lease);
            }
            return Quiescence.QUIESCENT;
        }
    }

    /** Hands out the one backend that both engines of a test share. */
    record Provider(HandBackend backend) implements TransferBackendProvider {
        @Override
        public String name() {
            return "hand";
        }

        @Override
        public Set<ConfigKey<?>> configKeys() {
            return Set.of();
        }

        @Override
        public Availability probe(BackendConfig config) {
            return new Availability.Available("moves by hand");
        }

        @Override
        public TransferBackend open(BackendConfig config, BackendEnvironment environment, Deadline deadline) {
            return backend;
        }
    }
}
