package io.kvferry.backend.rdma;

import io.kvferry.backend.rdma.adapter.RdmaConnection;
import io.kvferry.backend.rdma.adapter.RdmaMemory;
import io.kvferry.backend.rdma.adapter.RdmaRemoteKey;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.InitiatorPlan;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.MemoryGate;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferStatus;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The initiator's side of a transfer. Each batch enters the gate before it is posted and leaves when it is applied or its
 * connection is closed, so that the gate is the proof of quiescence. Thread-safe; what says so is the owner thread's.
 */
final class RdmaInitiator implements InitiatorTransfer {
    private final InitiatorPlan plan;
    private final List<RdmaMemory> memories;
    private final RdmaDescriptor lease;
    private final OutgoingLink link;
    private final Progress progress;
    private final MemoryGate gate = new MemoryGate(this::quiesced);
    private final Runnable released;

    // owner thread
    private final ArrayDeque<BlockRange> pending = new ArrayDeque<>();
    private List<RdmaRemoteKey> keys = List.of();
    private boolean saidDrained;
    private boolean over;

    /** @param released runs once, when the transfer is quiescent and its place is free */
    RdmaInitiator(
            InitiatorPlan plan, List<RdmaMemory> memories, RdmaDescriptor lease, OutgoingLink link, Runnable released) {
        this.plan = plan;
        this.memories = memories;
        this.lease = lease;
        this.link = link;
        this.released = released;
        this.progress = new Progress(plan.blocks(), gate);
    }

    InitiatorPlan plan() {
        return plan;
    }

    BlockList blocks() {
        return plan.blocks();
    }

    Operation operation() {
        return plan.operation();
    }

    RdmaDescriptor lease() {
        return lease;
    }

    RdmaMemory local(int block) {
        return memories.get(plan.blocks().regionIndex(block));
    }

    long localAddress(int block) {
        return local(block).region().address() + plan.blocks().offset(block);
    }

    RdmaRemoteKey remote(int block) {
        return keys.get(lease.windowOf()[block]);
    }

    long remoteAddress(int block) {
        return lease.addresses()[block];
    }

    boolean isSameMemory(int one, int other) {
        return plan.blocks().regionIndex(one) == plan.blocks().regionIndex(other)
                && lease.windowOf()[one] == lease.windowOf()[other];
    }

    /** Owner thread: makes the lease's keys usable. */
    void importKeys(RdmaConnection connection) {
        List<RdmaRemoteKey> imported = new ArrayList<>(lease.windows().size());
        keys = imported;
        for (RdmaDescriptor.Window window : lease.windows()) {
            imported.add(connection.importKey(window.key()));
        }
    }

    @Override
    public void submit(BlockRange blocks) {
        if (gate.isSealed()) {
            return;
        }
        link.submit(this, blocks);
        progress.begin();
    }

    /** Owner thread: queues a range. Returns true if nothing was queued before. */
    boolean add(BlockRange blocks) {
        pending.add(blocks);
        return pending.size() == 1;
    }

    private void dropPending() {
        link.dequeued(pending.size());
        pending.clear();
    }

    /** Owner thread: what to post next, inside the gate; or null when there is nothing, or nothing may be posted any more. */
    @Nullable
    Part next(Cutter cutter) {
        BlockRange range = pending.peek();
        if (range == null) {
            return null;
        }
        if (plan.deadline().isExpired()) {
            fail(TransferErrorCode.DEADLINE_EXCEEDED, "the deadline passed before all blocks were posted");
        }
        if (!gate.enter()) {
            dropPending();
            return null;
        }
        return cutter.cut(this, range);
    }

    /** Owner thread: the part from {@link #next} was posted. Returns true if there is more to post. */
    boolean posted(Part part) {
        BlockRange range = pending.removeFirst();
        int end = part.range().end();
        if (end < range.end()) {
            pending.addFirst(new BlockRange(end, range.end() - end));
        } else {
            link.dequeued(1);
        }
        return !pending.isEmpty();
    }

    /** Owner thread: the part from {@link #next} was not posted. */
    void leave() {
        gate.leave();
        settle();
    }

    /** Owner thread: a part has its evidence. */
    void applied(Part part) {
        boolean reported = !gate.isSealed();
        gate.leave();
        if (reported) {
            progress.applied(part.range());
            link.applied(this, part.range());
            settle();
            plan.observer().applied(part.range());
        } else {
            settle();
        }
    }

    void fail(TransferErrorCode code, String detail) {
        gate.seal();
        TransferError failure = TransferError.of(code, Stage.TRANSFER, detail).withMemorySafe(gate.isEmpty());
        if (progress.fail(failure)) {
            plan.observer().failed(failure);
        }
    }

    /** Owner thread: tells the target, once, that nothing is in flight and nothing will be. */
    void settle() {
        boolean still = progress.isComplete() || (gate.isSealed() && gate.isEmpty());
        if (still && !saidDrained) {
            saidDrained = true;
            link.drained(this);
        }
    }

    /** Owner thread: the connection is closed, so nothing is in flight. */
    void abandon() {
        saidDrained = true;
        keys = List.of();
        dropPending();
    }

    @Override
    public TransferStatus status() {
        return progress.status();
    }

    @Override
    public Quiescence finish(Deadline grace) {
        Quiescence quiescence = gate.finish();
        if (quiescence == Quiescence.QUIESCENT) {
            link.execute(this::end);
        } else {
            link.execute(this::settle);
        }
        return quiescence;
    }

    private void quiesced() {
        end();
        plan.observer().quiesced();
    }

    /** Owner thread. Idempotent. */
    private void end() {
        settle();
        if (over) {
            return;
        }
        over = true;
        dropPending();
        keys.forEach(RdmaRemoteKey::release);
        keys = List.of();
        link.remove(this);
        released.run();
    }

    /** Throws unless the lease allows what the plan wants. */
    void check() {
        if (lease.operation() != plan.operation()) {
            throw new TransferException(
                    TransferErrorCode.ACCESS_DENIED,
                    Stage.PREPARE,
                    "the lease allows " + lease.operation() + ", not " + plan.operation());
        }
    }

    @Override
    public String toString() {
        return plan.operation() + " " + plan.id() + "/" + plan.attempt() + " of "
                + plan.blocks().totalBytes() + " bytes with " + plan.peer();
    }
}
