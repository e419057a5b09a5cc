package io.kvferry.backend.mooncake;

import io.kvferry.backend.mooncake.adapter.MooncakeTasks;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.InitiatorPlan;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferStatus;
import java.util.ArrayDeque;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The initiator's side of a transfer by the native engine. Each batch is inside the gate until the library has freed it, so
 * the gate is the proof of quiescence. Thread-safe; what says so is the engine thread's.
 */
final class NativeInitiator implements InitiatorTransfer, PeerChannel.Receiver {
    private final InitiatorPlan plan;
    private final NativeEngine engine;
    private final String segmentName;
    private final int segment;
    private final long[] addresses;
    private final NativeDriver driver;
    private final BlockTally tally;
    private final CompletableFuture<Void> joined = new CompletableFuture<>();
    private final CompletableFuture<Void> outside = new CompletableFuture<>();
    /** Guards {@code saidDrained} and the sending, which does not block: who finds it said knows that it was sent. */
    private final Object drainedLock = new Object();

    private boolean saidDrained;

    // engine thread
    private final ArrayDeque<BlockRange> pending = new ArrayDeque<>();
    private int left;

    /** @param released runs once, when the transfer is over and its place is free */
    NativeInitiator(
            InitiatorPlan plan,
            NativeEngine engine,
            String segmentName,
            int segment,
            long[] addresses,
            NativeDriver driver,
            Runnable released) {
        this.plan = plan;
        this.engine = engine;
        this.segmentName = segmentName;
        this.segment = segment;
        this.addresses = addresses;
        this.driver = driver;
        this.left = plan.blocks().size();
        this.tally = new BlockTally(Side.INITIATOR, plan.blocks(), plan.observer(), () -> {
            sayDrained();
            released.run();
        });
    }

    InitiatorPlan plan() {
        return plan;
    }

    BlockList blocks() {
        return plan.blocks();
    }

    int segment() {
        return segment;
    }

    long remoteAddress(int block) {
        return addresses[block];
    }

    BlockTally tally() {
        return tally;
    }

    /** Completes when the target lets it begin; at once where nobody has to be asked. */
    CompletableFuture<Void> join() {
        PeerChannel channel = plan.channel();
        if (channel == null) {
            joined.complete(null);
        } else {
            channel.receive(this);
            NativeSignal.JOIN.send(channel);
        }
        return joined;
    }

    @Override
    public void message(byte[] message) {
        switch (NativeSignal.of(message)) {
            case GO -> joined.complete(null);
            case STOP -> end(TransferErrorCode.LEASE_ENDED, "the target has ended the lease");
            case JOIN, DRAINED -> end(TransferErrorCode.PROTOCOL_ERROR, "the target spoke as an initiator does");
            case null -> end(TransferErrorCode.PROTOCOL_ERROR, "the target sent a message that makes no sense");
        }
    }

    @Override
    public void closed(@Nullable TransferError error) {
        if (error == null) {
            end(TransferErrorCode.LEASE_ENDED, "the target has ended the lease");
        } else {
            end(error.code(), error.detail());
        }
    }

    private void end(TransferErrorCode code, String detail) {
        if (!joined.completeExceptionally(new TransferException(code, Stage.PREPARE, detail))) {
            fail(code, detail);
            driver.execute(this::settle);
        }
    }

    @Override
    public void submit(BlockRange blocks) {
        if (tally.hasEnded()) {
            return;
        }
        tally.begin();
        driver.execute(() -> {
            pending.add(blocks);
            if (pending.size() == 1) {
                driver.enqueue(this);
            }
        });
    }

    /** Engine thread: the next batch, inside the gate; null where nothing is left or may begin. */
    @Nullable
    NativeBatch next(int maxTasks, long evidenceAt) {
        BlockRange range = pending.poll();
        if (range == null) {
            return null;
        }
        if (engine.isOver()) {
            fail(TransferErrorCode.CONNECTION_FAILED, "the native engine was replaced since; prepare again");
        } else if (plan.deadline().isExpired()) {
            fail(TransferErrorCode.DEADLINE_EXCEEDED, "the deadline passed before all blocks were submitted");
        }
        if (!tally.gate().enter()) {
            pending.clear();
            settle();
            return null;
        }
        int count = Math.min(range.count(), maxTasks);
        if (count < range.count()) {
            pending.addFirst(new BlockRange(range.first() + count, range.count() - count));
        }
        return new NativeBatch(
                engine.adapter(),
                this,
                new BlockRange(range.first(), count),
                plan.operation() == Operation.WRITE ? evidenceAt : 0);
    }

    /** Engine thread. */
    boolean hasPending() {
        return !pending.isEmpty();
    }

    /** Engine thread: the tasks of a range. */
    void fill(MooncakeTasks tasks, BlockRange range) {
        tasks.reset(plan.operation(), segment);
        BlockList blocks = plan.blocks();
        for (int i = range.first(); i < range.end(); i++) {
            long local = blocks.regions().get(blocks.regionIndex(i)).address() + blocks.offset(i);
            tasks.add(local, addresses[i], blocks.length(i));
        }
    }

    /** Engine thread: a task has ended without success. */
    void failed(BlockRange range, int task) {
        engine.forget(segmentName);
        fail(
                TransferErrorCode.TRANSFER_FAILED,
                "block " + blocks().key(range.first() + task) + " with segment " + segmentName
                        + " FAILED; the library gives no reason, but its log does");
    }

    void fail(TransferErrorCode code, String detail) {
        tally.fail(code, detail);
    }

    /** Engine thread: the library has freed a batch, or is gone. */
    void ended(NativeBatch batch) {
        boolean counts = !batch.hasFailed() && !tally.hasEnded();
        tally.gate().leave();
        if (counts) {
            left -= batch.range().count();
            if (left == 0) {
                sayDrained();
            }
            tally.applied(batch.range().first(), batch.range().count());
        }
        settle();
    }

    /** Tells, once, whoever waits for it that this side touches nothing any more. */
    void settle() {
        if (tally.hasEnded() && tally.gate().isEmpty()) {
            sayDrained();
            outside.complete(null);
        }
    }

    private void sayDrained() {
        PeerChannel channel = plan.channel();
        if (channel == null) {
            return;
        }
        synchronized (drainedLock) {
            if (!saidDrained) {
                saidDrained = true;
                NativeSignal.DRAINED.send(channel);
            }
        }
    }

    /** Completes when the transfer has ended and no batch of it is in the library's hands. */
    CompletableFuture<Void> outside() {
        return outside;
    }

    @Override
    public TransferStatus status() {
        return tally.status();
    }

    @Override
    public Quiescence finish(Deadline grace) {
        Quiescence quiescence = tally.finish();
        settle();
        return quiescence;
    }

    @Override
    public String toString() {
        return plan.operation() + " " + plan.id() + "/" + plan.attempt() + " of "
                + plan.blocks().totalBytes() + " bytes with " + segmentName;
    }
}
