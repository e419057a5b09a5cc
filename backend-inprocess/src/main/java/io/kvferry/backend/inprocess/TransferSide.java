package io.kvferry.backend.inprocess;

import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.MemoryGate;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferObserver;
import io.kvferry.spi.TransferState;
import io.kvferry.spi.TransferStatus;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One side of one transfer: its memory behind a {@link MemoryGate}, its progress and whom to tell. Both sides have one.
 * Thread-safe.
 */
final class TransferSide {
    private static final long WAIT_STEP_MILLIS = 5;

    private final TransferId id;
    private final int attempt;
    private final PeerIdentity peer;
    private final BlockList blocks;
    private final Deadline deadline;
    private final TransferObserver observer;
    private final Consumer<TransferSide> onReleased;

    private final MemoryGate gate = new MemoryGate(this::quiesced);
    /** Notified whenever somebody left; a wait looks again now and then, as its deadline may be on a clock that is moved. */
    private final Object left = new Object();

    private final AtomicLong bytesDone = new AtomicLong();
    private final AtomicInteger blocksDone = new AtomicInteger();
    private final AtomicReference<@Nullable TransferError> error = new AtomicReference<>();
    private volatile boolean submitted;
    private volatile boolean finished;

    TransferSide(
            TransferId id,
            int attempt,
            PeerIdentity peer,
            BlockList blocks,
            Deadline deadline,
            TransferObserver observer,
            Consumer<TransferSide> onReleased) {
        this.id = id;
        this.attempt = attempt;
        this.peer = peer;
        this.blocks = blocks;
        this.deadline = deadline;
        this.observer = observer;
        this.onReleased = onReleased;
    }

    TransferId id() {
        return id;
    }

    int attempt() {
        return attempt;
    }

    PeerIdentity peer() {
        return peer;
    }

    BlockList blocks() {
        return blocks;
    }

    boolean isExpired() {
        return deadline.isExpired();
    }

    boolean isFinished() {
        return finished;
    }

    boolean isComplete() {
        return blocksDone.get() == blocks.size();
    }

    @Nullable
    TransferError error() {
        return error.get();
    }

    void markSubmitted() {
        submitted = true;
    }

    /** Asks to touch this side's memory; every true is followed by {@link #leave}. */
    boolean enter() {
        return gate.enter();
    }

    void leave() {
        gate.leave();
        if (gate.isSealed()) {
            synchronized (left) {
                left.notifyAll();
            }
        }
    }

    private void quiesced() {
        onReleased.accept(this);
        observer.quiesced();
    }

    void applied(BlockRange range) {
        bytesDone.addAndGet(blocks.bytes(range));
        blocksDone.addAndGet(range.count());
        observer.applied(range);
    }

    /** Seals and reports the first failure; later ones, and those after finish, change nothing. */
    void fail(TransferErrorCode code, String detail) {
        gate.seal();
        TransferError failure = TransferError.of(code, Stage.TRANSFER, detail).withMemorySafe(gate.isEmpty());
        if (!finished && error.compareAndSet(null, failure)) {
            observer.failed(failure);
        }
    }

    void seal() {
        gate.seal();
    }

    /** Waits until nothing touches the memory. Returns false when the deadline passed, or the caller was interrupted, before. */
    boolean awaitQuiet(Deadline until) {
        synchronized (left) {
            while (!gate.isEmpty() && !until.isExpired()) {
                try {
                    left.wait(WAIT_STEP_MILLIS);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    return gate.isEmpty();
                }
            }
            return gate.isEmpty();
        }
    }

    Quiescence finish() {
        finished = true;
        Quiescence quiescence = gate.finish();
        if (quiescence == Quiescence.QUIESCENT) {
            onReleased.accept(this);
        }
        return quiescence;
    }

    TransferStatus status() {
        return new TransferStatus(
                state(), bytesDone.get(), blocks.totalBytes(), blocksDone.get(), blocks.size(), error.get());
    }

    private TransferState state() {
        if (finished) {
            return gate.isEmpty() ? TransferState.FINISHED : TransferState.QUARANTINED;
        }
        if (error.get() != null) {
            return TransferState.FAILED;
        }
        if (isComplete()) {
            return TransferState.COMPLETED;
        }
        if (blocksDone.get() > 0) {
            return TransferState.IN_FLIGHT;
        }
        return submitted ? TransferState.SUBMITTED : TransferState.PREPARED;
    }

    @Override
    public String toString() {
        return "transfer " + id + " attempt " + attempt + " with " + peer + ": " + blocks;
    }
}
