package ${package};

import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.InitiatorPlan;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferStatus;
import java.lang.foreign.MemorySegment;

/** The side that starts the I/O. Thread-safe. */
final class ${classPrefix}Initiator implements InitiatorTransfer {
    private final InitiatorPlan plan;
    private final Side side;
    private final ${classPrefix}Target target;

    ${classPrefix}Initiator(InitiatorPlan plan, Side side, ${classPrefix}Target target) {
        this.plan = plan;
        this.side = side;
        this.target = target;
    }

    /** STEP 2: post the blocks to your library and return; report them as applied from where it says that they are. */
    @Override
    public void submit(BlockRange range) {
        if (side.isFinished()) {
            throw new TransferException(TransferErrorCode.INVALID_REQUEST, Stage.SUBMIT, "submit after finish");
        }
        for (int i = range.first(); i < range.end(); i++) {
            if (plan.deadline().isExpired()) {
                side.fail(TransferErrorCode.DEADLINE_EXCEEDED, "the deadline passed before all blocks were copied");
                return;
            }
            if (!copyBetweenGates(i)) {
                return;
            }
        }
        side.applied(range);
    }

    /** Enters both sides' gates, so that each knows when its memory is left alone. False if either is closed. */
    private boolean copyBetweenGates(int position) {
        if (!side.enter()) {
            return false;
        }
        try {
            if (!target.side().enter()) {
                side.fail(TransferErrorCode.LEASE_ENDED, "the target ended the lease before all blocks were copied");
                return false;
            }
            try {
                copy(position);
                return true;
            } finally {
                target.side().leave();
            }
        } finally {
            side.leave();
        }
    }

    /** STEP 2: the only line that moves bytes. */
    private void copy(int position) {
        boolean write = plan.operation() == Operation.WRITE;
        BlockList from = write ? plan.blocks() : target.blocks();
        BlockList to = write ? target.blocks() : plan.blocks();
        MemorySegment.copy(
                from.region(position).segment(),
                from.offset(position),
                to.region(position).segment(),
                to.offset(position),
                from.length(position));
    }

    @Override
    public TransferStatus status() {
        return side.status();
    }

    @Override
    public Quiescence finish(Deadline grace) {
        return side.finish();
    }
}
