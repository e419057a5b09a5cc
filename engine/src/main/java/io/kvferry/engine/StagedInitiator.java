package io.kvferry.engine;

import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferObserver;
import io.kvferry.spi.TransferStatus;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * The initiator's side of a staged transfer. A WRITE is copied in before the backend sends it, and applied when the target has
 * copied it out; a READ is copied out when the backend has filled it. Thread-safe.
 */
final class StagedInitiator implements InitiatorTransfer, TransferObserver, StagedChannel.Listener {
    private final StagedSide side;
    private final Operation operation;
    /** The target copies out, so that only it knows when blocks are where they belong. */
    private final boolean targetCopies;
    /** The target's backend does not see blocks arrive: it is told. */
    private final boolean tellArrival;

    private volatile @Nullable StagedChannel channel;
    private volatile @Nullable InitiatorTransfer backend;
    /** Blocks the backend was or will be given and has not moved; what becomes of them is for it to say. */
    private final AtomicInteger inHand = new AtomicInteger();

    private volatile boolean targetEnded;

    StagedInitiator(StagedSide side, Operation operation, boolean targetCopies, boolean tellArrival) {
        this.side = side;
        this.operation = operation;
        this.targetCopies = targetCopies;
        this.tellArrival = tellArrival;
    }

    void use(StagedChannel shared) {
        channel = shared;
    }

    StagedInitiator over(InitiatorTransfer prepared) {
        backend = prepared;
        return this;
    }

    private InitiatorTransfer backend() {
        return Objects.requireNonNull(backend);
    }

    @Override
    public void submit(BlockRange blocks) {
        inHand.addAndGet(blocks.count());
        if (operation == Operation.READ || !side.blocks().isStaged()) {
            give(blocks);
        } else {
            side.copyThen(deadline -> side.blocks().copyIn(blocks, deadline), () -> give(blocks));
        }
    }

    private void give(BlockRange blocks) {
        try {
            backend().submit(blocks);
        } catch (TransferException e) {
            moved(blocks);
            throw e;
        }
    }

    /** The backend has these no more. */
    private void moved(BlockRange blocks) {
        inHand.addAndGet(-blocks.count());
        endWithTarget();
    }

    /** The target's end is why blocks stay behind only where the backend has none left to speak of. */
    private void endWithTarget() {
        if (targetEnded && inHand.get() == 0) {
            side.fail(TransferErrorCode.LEASE_ENDED, "the target ended the lease before all blocks were copied there");
        }
    }

    @Override
    public void applied(BlockRange blocks) {
        if (operation == Operation.READ) {
            if (side.blocks().isStaged()) {
                side.copyThen(deadline -> side.blocks().copyOut(blocks, deadline), () -> side.applied(blocks));
            } else {
                side.applied(blocks);
            }
        } else if (!targetCopies) {
            side.applied(blocks);
        } else if (tellArrival) {
            Objects.requireNonNull(channel).name(blocks);
        }
        moved(blocks);
    }

    @Override
    public void named(BlockRange range) {
        if (targetCopies && operation == Operation.WRITE) {
            side.applied(range);
        }
    }

    @Override
    public void ended(@Nullable TransferError error) {
        if (!targetCopies || operation == Operation.READ) {
            return;
        }
        if (error != null) {
            side.fail(TransferErrorCode.CONTROL_FAILED, "the channel to the target broke: " + error.detail());
        } else {
            targetEnded = true;
            endWithTarget();
        }
    }

    @Override
    public void failed(TransferError error) {
        side.fail(error);
    }

    @Override
    public void quiesced() {
        side.backendQuiet();
    }

    @Override
    public TransferStatus status() {
        return side.status(backend().status());
    }

    @Override
    public String lanes() {
        return backend().lanes();
    }

    @Override
    public Quiescence finish(Deadline grace) {
        side.seal();
        return side.finish(backend().finish(grace));
    }
}
