package io.kvferry.engine;

import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferObserver;
import io.kvferry.spi.TransferStatus;
import java.util.Objects;
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
        if (operation == Operation.READ || !side.blocks().isStaged()) {
            backend().submit(blocks);
        } else {
            side.copyThen(
                    deadline -> side.blocks().copyIn(blocks, deadline),
                    () -> backend().submit(blocks));
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
            side.fail(TransferErrorCode.LEASE_ENDED, "the target ended the lease before all blocks were copied there");
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
    public Quiescence finish(Deadline grace) {
        side.seal();
        return side.finish(backend().finish(grace));
    }
}
