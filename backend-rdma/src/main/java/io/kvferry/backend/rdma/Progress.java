package io.kvferry.backend.rdma;

import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.MemoryGate;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferState;
import io.kvferry.spi.TransferStatus;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** How far one side of a transfer is. Written by the owner thread, except the first failure; read by anybody without lock. */
final class Progress {
    private final BlockList blocks;
    private final MemoryGate gate;
    private final AtomicReference<@Nullable TransferError> error = new AtomicReference<>();
    private volatile boolean begun;
    private volatile Done done = new Done(0, 0);

    private record Done(int blocks, long bytes) {}

    Progress(BlockList blocks, MemoryGate gate) {
        this.blocks = blocks;
        this.gate = gate;
    }

    void begin() {
        begun = true;
    }

    void applied(BlockRange range) {
        Done before = done;
        done = new Done(before.blocks + range.count(), before.bytes + blocks.bytes(range));
    }

    boolean isComplete() {
        return done.blocks == blocks.size();
    }

    /** Returns true if this is the first failure of a transfer that is not complete. */
    boolean fail(TransferError failure) {
        return !isComplete() && error.compareAndSet(null, failure);
    }

    TransferStatus status() {
        Done now = done;
        return new TransferStatus(state(), now.bytes, blocks.totalBytes(), now.blocks, blocks.size(), error.get());
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
        return begun ? TransferState.IN_FLIGHT : TransferState.PREPARED;
    }
}
