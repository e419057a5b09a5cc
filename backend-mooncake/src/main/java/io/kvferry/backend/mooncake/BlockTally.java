package io.kvferry.backend.mooncake;

import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.MemoryGate;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferObserver;
import io.kvferry.spi.TransferState;
import io.kvferry.spi.TransferStatus;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** How far one transfer is on one side: what is applied, what failed, and who is in its memory. Thread-safe, lock-free. */
final class BlockTally {
    private final Side side;
    private final BlockList blocks;
    private final TransferObserver observer;
    private final Runnable released;
    private final MemoryGate gate = new MemoryGate(this::quiesced);
    private final AtomicInteger blocksDone = new AtomicInteger();
    private final AtomicLong bytesDone = new AtomicLong();
    private final AtomicBoolean begun = new AtomicBoolean();
    private final AtomicBoolean over = new AtomicBoolean();
    private final AtomicReference<@Nullable TransferError> error = new AtomicReference<>();

    /** @param released runs once, when the transfer is finished and quiescent */
    BlockTally(Side side, BlockList blocks, TransferObserver observer, Runnable released) {
        this.side = side;
        this.blocks = blocks;
        this.observer = observer;
        this.released = released;
    }

    MemoryGate gate() {
        return gate;
    }

    BlockList blocks() {
        return blocks;
    }

    void begin() {
        begun.set(true);
    }

    boolean isComplete() {
        return blocksDone.get() == blocks.size();
    }

    boolean hasEnded() {
        return gate.isSealed();
    }

    /** Blocks [first, first + count) are at their destination, and this side does not touch them again. */
    void applied(int first, int count) {
        BlockRange range = new BlockRange(first, count);
        bytesDone.addAndGet(blocks.bytes(range));
        blocksDone.addAndGet(count);
        observer.applied(range);
    }

    /** Ends the transfer with an error, unless it has ended. */
    void fail(TransferErrorCode code, String detail) {
        gate.seal();
        TransferError failure =
                new TransferError(code, code.number(), Stage.TRANSFER, side, "", gate.isEmpty(), detail);
        if (!isComplete() && error.compareAndSet(null, failure)) {
            observer.failed(failure);
        }
    }

    TransferStatus status() {
        return new TransferStatus(
                state(), bytesDone.get(), blocks.totalBytes(), blocksDone.get(), blocks.size(), error.get());
    }

    private TransferState state() {
        if (isComplete()) {
            return TransferState.COMPLETED;
        }
        if (error.get() != null) {
            return TransferState.FAILED;
        }
        if (gate.isSealed()) {
            return gate.isEmpty() ? TransferState.FINISHED : TransferState.QUARANTINED;
        }
        return begun.get() ? TransferState.IN_FLIGHT : TransferState.PREPARED;
    }

    /** Seals. Idempotent; does not block. */
    Quiescence finish() {
        Quiescence quiescence = gate.finish();
        if (quiescence == Quiescence.QUIESCENT) {
            release();
        }
        return quiescence;
    }

    private void quiesced() {
        release();
        observer.quiesced();
    }

    private void release() {
        if (over.compareAndSet(false, true)) {
            released.run();
        }
    }
}
