package io.kvferry.conformance;

import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferStatus;

/** The initiator's side of a backend's transfer, watched. */
final class WatchedInitiator implements InitiatorTransfer {
    private final InitiatorTransfer delegate;
    private final WatchedSide side;
    private final Watch watch;

    WatchedInitiator(InitiatorTransfer delegate, WatchedSide side, Watch watch) {
        this.delegate = delegate;
        this.side = side;
        this.watch = watch;
    }

    @Override
    public void submit(BlockRange blocks) {
        watch.called("submit");
        switch (watch.faults().next("submit")) {
            case FaultPlan.Drop lost -> {}
            case FaultPlan.Refuse refuse ->
                throw new TransferException(refuse.code(), Stage.SUBMIT, "submit was refused by the fault plan");
            case FaultPlan.Freeze freeze -> freeze.gate().whenOpen(() -> submitLate(blocks));
            case FaultPlan.Partial partial -> {
                int count = (int) (blocks.count() * partial.share());
                if (count > 0) {
                    delegate.submit(new BlockRange(blocks.first(), count));
                }
            }
            default -> submitNow(blocks);
        }
    }

    private void submitNow(BlockRange blocks) {
        if (watch.faults().next("io") instanceof FaultPlan.Refuse refuse) {
            side.fail(TransferError.of(refuse.code(), Stage.TRANSFER, "the I/O was failed by the fault plan"));
            return;
        }
        delegate.submit(blocks);
    }

    /** A submit that comes second to finish must start nothing, and may say so. */
    private void submitLate(BlockRange blocks) {
        try {
            delegate.submit(blocks);
        } catch (TransferException e) {
            watch.called("submit.late.refused");
        } catch (RuntimeException e) {
            watch.violated("backend: a submit after finish threw " + e);
        }
    }

    @Override
    public TransferStatus status() {
        return delegate.status();
    }

    @Override
    public Quiescence finish(Deadline grace) {
        watch.called("finish");
        return side.finish(watch.faults().next("finish"), () -> delegate.finish(grace));
    }
}
