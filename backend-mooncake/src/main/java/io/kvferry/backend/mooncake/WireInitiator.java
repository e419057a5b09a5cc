package io.kvferry.backend.mooncake;

import io.kvferry.netty.Stripes;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.TransferStatus;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/** Spreads submitted blocks over the lanes to the target. Thread-safe. */
final class WireInitiator implements InitiatorTransfer {
    /** Spreads the first lanes of short submissions evenly over all transfers. */
    private static final AtomicInteger NEXT_LANE = new AtomicInteger();

    private final WireTransfer transfer;
    private final RemoteBlocks remote;
    private final long stripeBytes;
    private final Runnable released;
    private final AtomicBoolean finished = new AtomicBoolean();

    /** @param released runs once, when the lanes are not needed any more */
    WireInitiator(WireTransfer transfer, RemoteBlocks remote, long stripeBytes, Runnable released) {
        this.transfer = transfer;
        this.remote = remote;
        this.stripeBytes = stripeBytes;
        this.released = released;
    }

    @Override
    public void submit(BlockRange blocks) {
        if (transfer.tally().hasEnded()) {
            return;
        }
        List<ClientLane> open =
                transfer.lanes().stream().filter(ClientLane::isOpen).toList();
        if (open.isEmpty()) {
            Refusal reason = transfer.lanes().getFirst().closeReason();
            transfer.tally().fail(reason.code(), "before submit: " + reason.detail());
            return;
        }
        transfer.tally().begin();
        int lane = NEXT_LANE.getAndIncrement();
        for (BlockRange part : Stripes.cut(transfer.blocks(), blocks, stripeBytes, open.size())) {
            open.get(Math.floorMod(lane++, open.size())).start(new BlockStream(transfer, remote, part));
        }
    }

    @Override
    public TransferStatus status() {
        return transfer.tally().status();
    }

    @Override
    public Quiescence finish(Deadline grace) {
        boolean complete = transfer.tally().isComplete();
        Quiescence quiescence = transfer.tally().finish();
        if (finished.compareAndSet(false, true)) {
            if (!complete) {
                transfer.lanes().forEach(lane -> lane.stop(transfer));
            }
            released.run();
        }
        return quiescence;
    }
}
