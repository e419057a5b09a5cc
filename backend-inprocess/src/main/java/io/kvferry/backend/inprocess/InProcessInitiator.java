package io.kvferry.backend.inprocess;

import io.kvferry.spi.BlockClaims;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferStatus;
import org.jspecify.annotations.Nullable;

/**
 * The initiator's side. Alone, it queues parts for its own worker; in two-sided mode it announces them, and hears from the
 * target what landed. Thread-safe.
 */
final class InProcessInitiator implements InitiatorTransfer {
    private final TransferSide side;
    private final Link link;
    private final Worker worker;
    private final @Nullable PeerChannel channel;
    private final BlockClaims announced;

    /** {@code channel} is there in two-sided mode only. */
    InProcessInitiator(TransferSide side, Link link, Worker worker, @Nullable PeerChannel channel) {
        this.side = side;
        this.link = link;
        this.worker = worker;
        this.channel = channel;
        this.announced = new BlockClaims(channel == null ? 0 : side.blocks().size());
    }

    /** Begins to hear from the target, where it speaks. */
    void listen() {
        if (channel != null) {
            channel.receive(new Landings());
        }
    }

    @Override
    public void submit(BlockRange blocks) {
        if (side.isFinished()) {
            throw invalid("submit after finish");
        }
        if (blocks.end() > side.blocks().size()) {
            throw invalid("blocks up to " + blocks.end() + " of a transfer of "
                    + side.blocks().size());
        }
        if (channel == null) {
            worker.submit(new Part(link, blocks));
        } else {
            announce(channel, blocks);
        }
        side.markSubmitted();
    }

    private static TransferException invalid(String detail) {
        return new TransferException(TransferErrorCode.INVALID_REQUEST, Stage.SUBMIT, detail);
    }

    private void announce(PeerChannel open, BlockRange blocks) {
        if (!announced.claim(blocks.first(), blocks.end())) {
            throw invalid("some of the blocks " + blocks.first() + " +" + blocks.count() + " were submitted before");
        }
        try {
            open.send(RangeMessage.ANNOUNCE.encode(blocks));
        } catch (TransferException e) {
            // Nothing to add: a channel that ends tells its receivers, on both sides, why.
        }
    }

    @Override
    public TransferStatus status() {
        return side.status();
    }

    @Override
    public Quiescence finish(Deadline grace) {
        Quiescence quiescence = side.finish();
        if (channel != null) {
            channel.close();
        }
        return quiescence;
    }

    /** What the target says in two-sided mode. */
    private final class Landings implements PeerChannel.Receiver {
        @Override
        public void message(byte[] message) {
            try {
                BlockRange landed =
                        RangeMessage.LANDED.decode(message, side.blocks().size());
                if (!announced.release(landed.first(), landed.end())) {
                    throw RangeMessage.protocolError("blocks landed twice or unannounced: " + landed);
                }
                side.applied(landed);
            } catch (TransferException e) {
                side.fail(e.code(), e.error().detail());
            }
        }

        @Override
        public void closed(@Nullable TransferError error) {
            if (side.isComplete()) {
                return;
            }
            if (error == null) {
                side.fail(TransferErrorCode.LEASE_ENDED, "the target ended the lease before all blocks had landed");
            } else {
                side.fail(TransferErrorCode.CONTROL_FAILED, "the channel to the target broke: " + error);
            }
        }
    }
}
