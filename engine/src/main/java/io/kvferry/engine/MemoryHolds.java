package io.kvferry.engine;

import io.kvferry.spi.BackendLimits;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.MemoryHandle;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import java.util.List;

/**
 * Locks memory for attempts of either side, within the limits of the backend that will move it.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class MemoryHolds {
    private final EngineContext context;
    private final MemoryRegistry memory;
    private final Quarantine quarantine;

    MemoryHolds(EngineContext context, MemoryRegistry memory, Quarantine quarantine) {
        this.context = context;
        this.memory = memory;
        this.quarantine = quarantine;
    }

    /** For an attempt of this engine; refuses blocks that the backend does not take. */
    MemoryHold initiator(TransferRequest request, OpenBackend backend) {
        checkLimits(request.blocks(), backend);
        return new MemoryHold(
                context,
                memory,
                quarantine,
                request.blocks(),
                backend,
                request.id(),
                request.attempt(),
                Side.INITIATOR);
    }

    /** For a peer's attempt on a lease, whose initiator has checked its backend's limits. */
    MemoryHold target(TransferId id, int attempt, BlockList blocks, OpenBackend backend) {
        return new MemoryHold(context, memory, quarantine, blocks, backend, id, attempt, Side.TARGET);
    }

    /** The registrations of some blocks' regions with a backend; their memory is held. */
    List<MemoryHandle> handles(BlockList blocks, OpenBackend backend) {
        return memory.handles(blocks, backend);
    }

    private static void checkLimits(BlockList blocks, OpenBackend backend) {
        BackendLimits limits = backend.info().limits();
        if (blocks.size() > limits.maxBlocks()) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.PREPARE,
                    blocks.size() + " blocks > " + limits.maxBlocks() + " that backend " + backend.name()
                            + " takes in one transfer");
        }
        if (limits.maxBlockBytes() == Long.MAX_VALUE) {
            return;
        }
        for (int i = 0; i < blocks.size(); i++) {
            if (blocks.length(i) > limits.maxBlockBytes()) {
                throw new TransferException(
                        TransferErrorCode.INVALID_REQUEST,
                        Stage.PREPARE,
                        "block " + blocks.key(i) + " has " + blocks.length(i) + " bytes > " + limits.maxBlockBytes()
                                + " that backend " + backend.name() + " takes in one block");
            }
        }
    }
}
