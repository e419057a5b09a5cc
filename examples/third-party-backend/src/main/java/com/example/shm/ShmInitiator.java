package com.example.shm;

import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.InitiatorPlan;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.MemoryGate;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferState;
import io.kvferry.spi.TransferStatus;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The side that copies. Thread-safe; {@link #copy} is called by the worker alone. */
final class ShmInitiator implements InitiatorTransfer, Side {
    private final InitiatorPlan plan;
    private final ProcessId target;
    private final ProcessFile targetFile;
    private final LeasePage page;
    private final RemoteCopy remoteCopy;
    private final Worker worker;
    private final Consumer<Side> onReleased;

    /** Who copies is inside; finish seals it. So the engine learns exactly when this side's memory is free. */
    private final MemoryGate gate = new MemoryGate(this::quiesced);

    private final AtomicLong bytesDone = new AtomicLong();
    private final AtomicInteger blocksDone = new AtomicInteger();
    private final AtomicReference<@Nullable TransferError> error = new AtomicReference<>();
    private final AtomicBoolean released = new AtomicBoolean();
    private volatile boolean submitted;
    private volatile boolean finished;

    /** Takes over {@code targetFile} and {@code page}. */
    ShmInitiator(
            InitiatorPlan plan,
            ProcessId target,
            ProcessFile targetFile,
            LeasePage page,
            RemoteCopy remoteCopy,
            Worker worker,
            Consumer<Side> onReleased) {
        this.plan = plan;
        this.target = target;
        this.targetFile = targetFile;
        this.page = page;
        this.remoteCopy = remoteCopy;
        this.worker = worker;
        this.onReleased = onReleased;
    }

    @Override
    public void submit(BlockRange blocks) {
        if (finished || blocks.end() > plan.blocks().size()) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST, Stage.SUBMIT, blocks + " after finish, or beyond the plan");
        }
        worker.submit(new Part(this, blocks));
        submitted = true;
    }

    BlockList blocks() {
        return plan.blocks();
    }

    /** Where a block begins in the target's process. Only between submit and the end of its part. */
    long remoteAddress(int position) {
        return page.address(position);
    }

    /** Tells whether more may move, and fails the transfer where its time is over. */
    boolean isLive() {
        if (plan.deadline().isExpired()) {
            fail(TransferErrorCode.DEADLINE_EXCEEDED, "the deadline passed before all blocks were copied");
        }
        return !gate.isSealed();
    }

    /** Asks to touch this side's memory and the page; every true is followed by {@link #leave}. */
    boolean enter() {
        return gate.enter();
    }

    void leave() {
        gate.leave();
    }

    /** Copies a batch while the target lets this side in. Called between enter and leave. Returns the bytes. */
    long copy(CopyBatch batch) {
        if (!page.enter()) {
            throw failure(TransferErrorCode.LEASE_ENDED, "the target ended the lease before all blocks were copied");
        }
        try {
            if (!targetFile.isAlive()) {
                throw failure(TransferErrorCode.PEER_LOST, "process " + target.pid() + " of the target has ended");
            }
            return remoteCopy.copy(target.pid(), plan.operation(), batch);
        } finally {
            page.leave();
        }
    }

    private static TransferException failure(TransferErrorCode code, String detail) {
        return new TransferException(code, Stage.TRANSFER, detail);
    }

    /** The call of the kernel has returned, so the bytes are where they belong. */
    void applied(BlockRange range) {
        bytesDone.addAndGet(plan.blocks().bytes(range));
        blocksDone.addAndGet(range.count());
        plan.observer().applied(range);
    }

    @Override
    public void fail(TransferErrorCode code, String detail) {
        gate.seal();
        TransferError failure = TransferError.of(code, Stage.TRANSFER, detail).withMemorySafe(gate.isEmpty());
        if (!finished && error.compareAndSet(null, failure)) {
            plan.observer().failed(failure);
        }
    }

    @Override
    public Quiescence finish(Deadline grace) {
        finished = true;
        Quiescence quiescence = gate.finish();
        if (quiescence == Quiescence.QUIESCENT) {
            release();
        }
        return quiescence;
    }

    /** The worker left, after finish had found it inside. */
    private void quiesced() {
        release();
        plan.observer().quiesced();
    }

    private void release() {
        if (!released.getAndSet(true)) {
            page.close();
            targetFile.close();
            onReleased.accept(this);
        }
    }

    @Override
    public TransferStatus status() {
        return new TransferStatus(
                state(),
                bytesDone.get(),
                plan.blocks().totalBytes(),
                blocksDone.get(),
                plan.blocks().size(),
                error.get());
    }

    private TransferState state() {
        if (finished) {
            return gate.isEmpty() ? TransferState.FINISHED : TransferState.QUARANTINED;
        }
        if (error.get() != null) {
            return TransferState.FAILED;
        }
        if (blocksDone.get() == plan.blocks().size()) {
            return TransferState.COMPLETED;
        }
        if (blocksDone.get() > 0) {
            return TransferState.IN_FLIGHT;
        }
        return submitted ? TransferState.SUBMITTED : TransferState.PREPARED;
    }

    @Override
    public TransferId id() {
        return plan.id();
    }

    @Override
    public int attempt() {
        return plan.attempt();
    }

    @Override
    public PeerIdentity peer() {
        return plan.peer();
    }

    @Override
    public boolean isQuiet() {
        return gate.isSealed() && gate.isEmpty();
    }

    @Override
    public void abandon() {
        // the worker itself says when it is out
    }

    @Override
    public String toString() {
        return "transfer " + id() + " to " + peer();
    }
}
