package io.kvferry.backend.mooncake;

import io.kvferry.spi.BlockList;
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
    WireInitiator(
            WireTransfer transfer,
            RemoteBlocks remote,
            long stripeBytes,
            Runnable released) {
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
        List<ClientLane> open = transfer.lanes().stream().filter(ClientLane::isOpen).toList();
        if (open.isEmpty()) {
            Refusal reason = transfer.lanes().getFirst().closeReason();
            transfer.tally().fail(reason.code(), "before submit: " + reason.detail());
            return;
        }
        transfer.tally().begin();
        int parts = Math.clamp(
                transfer.blocks().bytes(blocks) / stripeBytes, 1, Math.min(open.size(), blocks.count()));
        long bytesPerPart = transfer.blocks().bytes(blocks) / parts;
        int lane = NEXT_LANE.getAndIncrement();
        int first = blocks.first();
        for (int part = 1; part <= parts; part++) {
            int end = part == parts ? blocks.end() : endOfPart(first, blocks.end() - (parts - part), bytesPerPart);
            open.get(Math.floorMod(lane++, open.size()))
                    .start(new BlockStream(transfer, remote, new BlockRange(first, end - first)));
            first = end;
        }
    }

    /** Where a part of about so many bytes ends: behind its first block, and not behind {@code lastEnd}. */
    private int endOfPart(int first, int lastEnd, long bytes) {
        BlockList blocks = transfer.blocks();
        int end = first + 1;
        long taken = blocks.length(first);
        while (end < lastEnd && taken + blocks.length(end) <= bytes) {
            taken += blocks.length(end);
            end++;
        }
        return end;
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
