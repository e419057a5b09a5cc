package io.kvferry.backend.tcp;

import io.kvferry.spi.BlockClaims;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.MemoryGate;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferObserver;
import io.kvferry.spi.TransferState;
import io.kvferry.spi.TransferStatus;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * One transfer on this side: its memory, what is applied, and its streams on lanes. Thread-safe, lock-free but for
 * adding a stream.
 */
final class TcpTransfer {
    /** What both sides agreed on. */
    record Terms(
            Side side,
            TransferId id,
            int attempt,
            Operation operation,
            PeerIdentity peer,
            long peerInstance,
            BlockList blocks,
            List<TcpMemory> memories,
            boolean checksum,
            TransferObserver observer) {}

    private static final LaneStream[] NO_STREAMS = {};

    private final Terms terms;
    private final TransferTable table;
    private final long entry;
    private final TcpLease lease;
    private final MemoryGate gate = new MemoryGate(this::quiesced);
    private final BlockClaims claims;
    private final AtomicInteger blocksDone = new AtomicInteger();
    private final AtomicLong bytesDone = new AtomicLong();
    private final AtomicBoolean begun = new AtomicBoolean();
    private final AtomicBoolean stopped = new AtomicBoolean();
    private final AtomicReference<@Nullable TransferError> error = new AtomicReference<>();
    private volatile LaneStream[] streams = NO_STREAMS;

    /**
     * @param table the table that holds this transfer until it is quiescent
     * @param entry its entry there: at the initiator the name of its streams, at the target the slot
     * @param lease what opens it at the target
     */
    TcpTransfer(Terms terms, TransferTable table, long entry, TcpLease lease) {
        this.terms = terms;
        this.table = table;
        this.entry = entry;
        this.lease = lease;
        this.claims = new BlockClaims(terms.blocks().size());
    }

    Terms terms() {
        return terms;
    }

    long entry() {
        return entry;
    }

    TcpLease lease() {
        return lease;
    }

    MemoryGate gate() {
        return gate;
    }

    BlockClaims claims() {
        return claims;
    }

    BlockList blocks() {
        return terms.blocks();
    }

    BlockCursor newCursor() {
        return new BlockCursor(terms.blocks(), terms.memories());
    }

    LaneStream[] streams() {
        return streams;
    }

    @Nullable
    LaneStream streamOn(Lane lane) {
        for (LaneStream stream : streams) {
            if (stream.lane() == lane) {
                return stream;
            }
        }
        return null;
    }

    synchronized void add(LaneStream stream) {
        LaneStream[] more = Arrays.copyOf(streams, streams.length + 1);
        more[streams.length] = stream;
        streams = more;
    }

    /** Forgets the streams of lanes that are gone. */
    synchronized void remove(LaneStream stream) {
        streams = Arrays.stream(streams).filter(each -> each != stream).toArray(LaneStream[]::new);
    }

    void begin() {
        begun.set(true);
    }

    boolean isUnderWay() {
        return begun.get() && !isComplete() && !gate.isSealed();
    }

    boolean isComplete() {
        return blocksDone.get() == terms.blocks().size();
    }

    boolean hasEnded() {
        return gate.isSealed();
    }

    /** Blocks [first, first + count) are at their destination, and this side does not touch them again. */
    void applied(int first, int count) {
        BlockRange range = new BlockRange(first, count);
        bytesDone.addAndGet(terms.blocks().bytes(range));
        blocksDone.addAndGet(count);
        terms.observer().applied(range);
    }

    /** Ends the transfer with an error, unless it has ended. */
    void fail(TransferErrorCode code, String detail) {
        fail(code, code.number(), detail);
    }

    /** The same, keeping a number that may be from a later version. */
    void fail(TransferErrorCode code, int number, String detail) {
        gate.seal();
        TransferError failure =
                new TransferError(code, number, Stage.TRANSFER, terms.side(), "", gate.isEmpty(), detail);
        if (!isComplete() && error.compareAndSet(null, failure)) {
            terms.observer().failed(failure);
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

    /** Seals, and stops the streams unless all is done. Idempotent; does not block. */
    Quiescence finish() {
        boolean complete = isComplete();
        Quiescence quiescence = gate.finish();
        if (quiescence == Quiescence.QUIESCENT) {
            table.remove(entry);
        }
        if (!complete && stopped.compareAndSet(false, true)) {
            for (LaneStream stream : streams) {
                stream.lane().execute(stream::stop);
            }
        }
        return quiescence;
    }

    private void quiesced() {
        table.remove(entry);
        terms.observer().quiesced();
    }

    @Override
    public String toString() {
        return terms.operation() + " " + terms.id() + "/" + terms.attempt() + " of "
                + terms.blocks().totalBytes() + " bytes with " + terms.peer();
    }
}
