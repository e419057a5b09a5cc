package io.kvferry.engine;

import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.MemoryGate;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferObserver;
import io.kvferry.spi.TransferState;
import io.kvferry.spi.TransferStatus;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One side of a staged transfer: its copies, its progress, and its quiescence, which needs that of the backend and that of the
 * copies. Thread-safe.
 */
final class StagedSide {
    private static final int BACKEND_QUIET = 1;
    private static final int COPIES_QUIET = 2;
    private static final int ASKED = 4;
    private static final int QUIET = BACKEND_QUIET | COPIES_QUIET;

    private final StagedBlocks blocks;
    private final TransferObserver observer;
    private final Executor executor;
    private final Supplier<Deadline> copyDeadline;
    private final Runnable onReleased;
    private final MemoryGate copies = new MemoryGate(() -> quiet(COPIES_QUIET));
    private final AtomicInteger quiescence = new AtomicInteger();
    private final AtomicLong bytesDone = new AtomicLong();
    private final AtomicInteger blocksDone = new AtomicInteger();
    private final AtomicReference<@Nullable TransferError> error = new AtomicReference<>();
    private final CompletableFuture<Void> copiesDone = new CompletableFuture<>();

    StagedSide(
            StagedBlocks blocks,
            TransferObserver observer,
            Executor executor,
            Supplier<Deadline> copyDeadline,
            Runnable onReleased) {
        this.blocks = blocks;
        this.observer = observer;
        this.executor = executor;
        this.copyDeadline = copyDeadline;
        this.onReleased = onReleased;
    }

    StagedBlocks blocks() {
        return blocks;
    }

    /** A copy of some blocks, and what follows it. */
    interface Copy {
        /** Copies; may block until the deadline. */
        void copy(Deadline deadline);
    }

    /** Copies on a thread of its own, unless the transfer has ended; what goes wrong fails the transfer. */
    void copyThen(Copy copy, Runnable then) {
        if (!copies.enter()) {
            return;
        }
        executor.execute(() -> {
            try {
                copy.copy(copyDeadline.get());
            } catch (RuntimeException | Error e) {
                TransferException failure = Failures.of(e, Stage.TRANSFER);
                fail(failure.error());
                if (mayStillRun(failure)) {
                    // until that copy has ended the memory stays in quarantine
                    blocks.afterCopies(copies::leave);
                    return;
                }
                copies.leave();
                return;
            }
            boolean ended = copies.isSealed();
            copies.leave();
            if (!ended) {
                run(then);
            }
        });
    }

    /** Tells whether a copy that was left so may go on. */
    static boolean mayStillRun(TransferException failure) {
        return failure.code() == TransferErrorCode.DEADLINE_EXCEEDED || failure.code() == TransferErrorCode.CANCELLED;
    }

    private void run(Runnable then) {
        try {
            then.run();
        } catch (TransferException e) {
            fail(e.error());
        }
    }

    void applied(BlockRange range) {
        bytesDone.addAndGet(blocks.own().bytes(range));
        blocksDone.addAndGet(range.count());
        observer.applied(range);
    }

    boolean isComplete() {
        return blocksDone.get() == blocks.own().size();
    }

    void fail(TransferError failure) {
        copies.seal();
        if (!isComplete() && error.compareAndSet(null, failure)) {
            observer.failed(failure);
        }
    }

    void fail(TransferErrorCode code, String detail) {
        fail(TransferError.of(code, Stage.TRANSFER, detail));
    }

    void seal() {
        copies.seal();
    }

    /** The backend's side has proved its quiescence after it was finished. */
    void backendQuiet() {
        quiet(BACKEND_QUIET);
    }

    private void quiet(int part) {
        if (part == COPIES_QUIET) {
            copiesDone.complete(null);
        }
        int before = quiescence.getAndUpdate(seen -> seen | part);
        boolean last = (before & QUIET) != QUIET && ((before | part) & QUIET) == QUIET;
        if (last && (before & ASKED) != 0) {
            release();
            observer.quiesced();
        }
    }

    private void release() {
        blocks.release();
        onReleased.run();
    }

    /** Takes the backend's answer to finish, and gives the one for both. */
    Quiescence finish(Quiescence backend) {
        if (copies.finish() == Quiescence.QUIESCENT) {
            quiet(COPIES_QUIET);
        }
        if (backend == Quiescence.QUIESCENT) {
            quiet(BACKEND_QUIET);
        }
        int before = quiescence.getAndUpdate(seen -> seen | ASKED);
        if ((before & QUIET) != QUIET) {
            return Quiescence.QUARANTINED;
        }
        if ((before & ASKED) == 0) {
            release();
        }
        return Quiescence.QUIESCENT;
    }

    /** Seals, and completes when no copy runs any more. */
    CompletableFuture<Void> stopCopies() {
        if (copies.finish() == Quiescence.QUIESCENT) {
            copiesDone.complete(null);
        }
        return copiesDone;
    }

    TransferStatus status(TransferStatus backend) {
        TransferState state = backend.state();
        if (error.get() != null && !state.isEnded()) {
            state = TransferState.FAILED;
        } else if (state == TransferState.COMPLETED && !isComplete()) {
            state = TransferState.IN_FLIGHT;
        }
        return new TransferStatus(
                state, bytesDone.get(), backend.bytesTotal(), blocksDone.get(), backend.blocksTotal(), error.get());
    }
}
