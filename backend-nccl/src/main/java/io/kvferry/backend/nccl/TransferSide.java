package io.kvferry.backend.nccl;

import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.InitiatorPlan;
import io.kvferry.spi.MemoryGate;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TargetPlan;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferObserver;
import io.kvferry.spi.TransferState;
import io.kvferry.spi.TransferStatus;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One side of one transfer: its memory behind a gate, its progress and whom to tell. Both sides have one. Each part is inside
 * the gate for as long as the GPU may touch its blocks. Thread-safe; takes no lock.
 */
final class TransferSide {
    /** What the engine said of a transfer, at either side. */
    record Terms(
            TransferId id,
            int attempt,
            Operation operation,
            Side side,
            PeerIdentity peer,
            BlockList blocks,
            Deadline deadline,
            TransferObserver observer) {
        static Terms of(InitiatorPlan plan) {
            return new Terms(
                    plan.id(),
                    plan.attempt(),
                    plan.operation(),
                    Side.INITIATOR,
                    plan.peer(),
                    plan.blocks(),
                    plan.deadline(),
                    plan.observer());
        }

        static Terms of(TargetPlan plan) {
            return new Terms(
                    plan.id(),
                    plan.attempt(),
                    plan.operation(),
                    Side.TARGET,
                    plan.peer(),
                    plan.blocks(),
                    plan.deadline(),
                    plan.observer());
        }

        @Override
        public String toString() {
            return operation + " " + id + "/" + attempt + " of " + blocks.totalBytes() + " bytes with " + peer;
        }
    }

    private final Terms terms;
    private final Consumer<TransferSide> onReleased;
    private final MemoryGate gate = new MemoryGate(this::quiesced);
    private final AtomicLong bytesDone = new AtomicLong();
    private final AtomicInteger blocksDone = new AtomicInteger();
    private final AtomicReference<@Nullable TransferError> error = new AtomicReference<>();
    private final AtomicBoolean released = new AtomicBoolean();
    private volatile boolean begun;
    private volatile boolean finished;

    /** @param onReleased runs once, when nothing of this side's memory is touched any more */
    TransferSide(Terms terms, Consumer<TransferSide> onReleased) {
        this.terms = terms;
        this.onReleased = onReleased;
    }

    Terms terms() {
        return terms;
    }

    BlockList blocks() {
        return terms.blocks();
    }

    /** Asks to touch this side's memory; every true is followed by {@link #leave}. */
    boolean enter() {
        begun = true;
        return gate.enter();
    }

    void leave() {
        gate.leave();
    }

    boolean isSealed() {
        return gate.isSealed();
    }

    /** Tells whether this side is sealed and none of its parts is with the GPU, which then stays so. */
    boolean isQuiet() {
        return gate.isSealed() && gate.isEmpty();
    }

    void seal() {
        gate.seal();
    }

    boolean isComplete() {
        return blocksDone.get() == terms.blocks().size();
    }

    /** These blocks are at their destination, and this side does not touch them again. */
    void applied(BlockRange range) {
        bytesDone.addAndGet(terms.blocks().bytes(range));
        blocksDone.addAndGet(range.count());
        terms.observer().applied(range);
    }

    /** Seals and reports the first failure; later ones, and those after finish, change nothing. */
    void fail(TransferErrorCode code, String detail) {
        gate.seal();
        TransferError failure =
                new TransferError(code, code.number(), Stage.TRANSFER, terms.side(), "", gate.isEmpty(), detail);
        if (!finished && !isComplete() && error.compareAndSet(null, failure)) {
            terms.observer().failed(failure);
        }
    }

    /** Seals; from here on nothing new is begun. */
    Quiescence finish() {
        finished = true;
        Quiescence quiescence = gate.finish();
        if (quiescence == Quiescence.QUIESCENT) {
            release();
        }
        return quiescence;
    }

    private void quiesced() {
        release();
        terms.observer().quiesced();
    }

    private void release() {
        if (released.compareAndSet(false, true)) {
            onReleased.accept(this);
        }
    }

    TransferStatus status() {
        return new TransferStatus(
                state(),
                bytesDone.get(),
                terms.blocks().totalBytes(),
                blocksDone.get(),
                terms.blocks().size(),
                error.get());
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
        return begun ? TransferState.IN_FLIGHT : TransferState.PREPARED;
    }

    @Override
    public String toString() {
        return terms.toString();
    }
}
