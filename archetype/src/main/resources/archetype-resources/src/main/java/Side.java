package ${package};

import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.MemoryGate;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.ResetScope;
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
 * What both sides of a transfer have: memory behind a gate, progress, and whom to tell. Whoever touches the memory is between
 * enter and leave, so a closed gate with nobody inside proves quiescence. Thread-safe.
 */
final class Side {
    private final TransferId id;
    private final int attempt;
    private final PeerIdentity peer;
    private final BlockList blocks;
    private final TransferObserver observer;
    private final Consumer<Side> onReleased;

    private final MemoryGate gate = new MemoryGate(this::quiesced);
    private final AtomicLong bytesDone = new AtomicLong();
    private final AtomicInteger blocksDone = new AtomicInteger();
    private final AtomicReference<@Nullable TransferError> error = new AtomicReference<>();
    private volatile boolean finished;

    Side(
            TransferId id,
            int attempt,
            PeerIdentity peer,
            BlockList blocks,
            TransferObserver observer,
            Consumer<Side> onReleased) {
        this.id = id;
        this.attempt = attempt;
        this.peer = peer;
        this.blocks = blocks;
        this.observer = observer;
        this.onReleased = onReleased;
    }

    boolean enter() {
        return gate.enter();
    }

    void leave() {
        gate.leave();
    }

    void seal() {
        gate.seal();
    }

    boolean isFinished() {
        return finished;
    }

    /** True once nothing touches this side's memory any more. */
    boolean isQuiet() {
        return gate.isSealed() && gate.isEmpty();
    }

    /** Reports blocks whose bytes are at the destination: with evidence, never because they were sent. */
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

    Quiescence finish() {
        finished = true;
        Quiescence quiescence = gate.finish();
        if (quiescence == Quiescence.QUIESCENT) {
            onReleased.accept(this);
        }
        return quiescence;
    }

    /** The last one left, after finish had found it inside. */
    private void quiesced() {
        onReleased.accept(this);
        observer.quiesced();
    }

    boolean isIn(ResetScope scope) {
        return switch (scope) {
            case ResetScope.Connection(var wanted, var number) -> wanted.equals(id) && number == attempt;
            case ResetScope.Peer(var wanted) -> wanted.equals(peer);
            case ResetScope.Instance() -> true;
        };
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
        if (blocksDone.get() == blocks.size()) {
            return TransferState.COMPLETED;
        }
        return blocksDone.get() > 0 ? TransferState.IN_FLIGHT : TransferState.PREPARED;
    }

    @Override
    public String toString() {
        return "transfer " + id + " with " + peer;
    }
}
