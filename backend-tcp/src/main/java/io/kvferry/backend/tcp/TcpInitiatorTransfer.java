package io.kvferry.backend.tcp;

import io.kvferry.netty.Stripes;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.TransferStatus;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/** Spreads submitted blocks over the lanes to the target. Thread-safe. */
final class TcpInitiatorTransfer implements InitiatorTransfer {
    /** Spreads the first lanes of short submissions evenly over all transfers. */
    private static final AtomicInteger NEXT_LANE = new AtomicInteger();

    private final TcpTransfer transfer;
    private final List<LaneStream> streams;
    private final long stripeBytes;
    private final Runnable released;
    private final AtomicBoolean finished = new AtomicBoolean();

    /** @param released runs once, when the lanes are not needed any more */
    TcpInitiatorTransfer(TcpTransfer transfer, List<Lane> lanes, long stripeBytes, Runnable released) {
        this.transfer = transfer;
        this.stripeBytes = stripeBytes;
        this.released = released;
        this.streams = new ArrayList<>(lanes.size());
        for (Lane lane : lanes) {
            LaneStream stream = transfer.terms().operation() == Operation.WRITE
                    ? new OutStream(
                            transfer, lane, transfer.entry(), transfer.terms().checksum())
                    : new InStream(transfer, lane, transfer.entry());
            streams.add(stream);
            transfer.add(stream);
        }
    }

    @Override
    public void submit(BlockRange blocks) {
        if (transfer.hasEnded()) {
            return;
        }
        List<LaneStream> open =
                streams.stream().filter(stream -> stream.lane().isOpen()).toList();
        if (open.isEmpty()) {
            Refusal reason = streams.getFirst().lane().closeReason();
            transfer.fail(reason.code(), "before submit: " + reason.detail());
            return;
        }
        transfer.begin();
        int lane = NEXT_LANE.getAndIncrement();
        for (BlockRange part : Stripes.cut(transfer.blocks(), blocks, stripeBytes, open.size())) {
            start(open.get(Math.floorMod(lane++, open.size())), part);
        }
    }

    private static void start(LaneStream stream, BlockRange range) {
        Lane lane = stream.lane();
        switch (stream) {
            case OutStream out -> lane.execute(() -> lane.send(out, range));
            case InStream in -> lane.execute(() -> lane.read(in, range));
        }
    }

    @Override
    public TransferStatus status() {
        return transfer.status();
    }

    @Override
    public String lanes() {
        return transfer.lanes();
    }

    @Override
    public Quiescence finish(Deadline grace) {
        Quiescence quiescence = transfer.finish();
        if (finished.compareAndSet(false, true)) {
            released.run();
        }
        return quiescence;
    }
}
