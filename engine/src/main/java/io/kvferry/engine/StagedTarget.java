package io.kvferry.engine;

import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Descriptor;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TargetTransfer;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferObserver;
import io.kvferry.spi.TransferStatus;
import java.nio.ByteBuffer;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The target's side of a staged transfer. What a READ may ask for was copied in when it was accepted; what a WRITE brings is
 * copied out as it arrives, and the initiator is told when it is where it belongs. Thread-safe.
 */
final class StagedTarget implements TargetTransfer, TransferObserver, StagedChannel.Listener {
    private static final byte VERSION = 1;

    private final StagedSide side;
    private final Operation operation;
    /** The backend sees blocks arrive; else the initiator tells of them. */
    private final boolean seesParts;

    private volatile @Nullable StagedChannel channel;
    private volatile @Nullable TargetTransfer backend;
    private volatile boolean copying;

    StagedTarget(StagedSide side, Operation operation, boolean seesParts) {
        this.side = side;
        this.operation = operation;
        this.seesParts = seesParts;
    }

    void use(StagedChannel shared) {
        channel = shared;
    }

    StagedTarget over(TargetTransfer accepted) {
        backend = accepted;
        return this;
    }

    private TargetTransfer backend() {
        return Objects.requireNonNull(backend);
    }

    /** Copies in what a READ may ask for. Blocks. */
    void copyIn(Deadline deadline) {
        if (operation == Operation.READ && side.blocks().isStaged()) {
            copying = true;
            try {
                side.blocks().copyIn(new BlockRange(0, side.blocks().own().size()), deadline);
                copying = false;
            } catch (TransferException e) {
                copying = StagedSide.mayStillRun(e);
                throw e;
            }
        }
    }

    /** Tells whether that copy was left and may still run. */
    boolean isCopying() {
        return copying;
    }

    private boolean copiesOut() {
        return operation == Operation.WRITE && side.blocks().isStaged();
    }

    @Override
    public Descriptor descriptor() {
        Descriptor inner = backend().descriptor();
        ByteBuffer out = ByteBuffer.allocate(2 + inner.size()).put(VERSION).put((byte) (copiesOut() ? 1 : 0));
        inner.writeTo(out);
        return new Descriptor(out.array());
    }

    /** What a target's descriptor says to the initiator's staging, and to its backend. */
    record Opened(boolean targetCopies, Descriptor descriptor) {
        static Opened of(Descriptor descriptor) {
            ByteBuffer in = descriptor.buffer();
            if (in.remaining() < 2 || in.get() != VERSION) {
                throw new TransferException(
                        TransferErrorCode.PROTOCOL_ERROR,
                        Stage.PREPARE,
                        "the target's descriptor is not one of staging's version " + VERSION);
            }
            boolean copies = in.get() == 1;
            byte[] inner = new byte[in.remaining()];
            in.get(inner);
            return new Opened(copies, new Descriptor(inner));
        }
    }

    @Override
    public void applied(BlockRange blocks) {
        if (!copiesOut()) {
            side.applied(blocks);
        } else if (seesParts) {
            copyOut(blocks);
        }
    }

    private void copyOut(BlockRange blocks) {
        side.copyThen(deadline -> side.blocks().copyOut(blocks, deadline), () -> {
            side.applied(blocks);
            Objects.requireNonNull(channel).name(blocks);
        });
    }

    @Override
    public void named(BlockRange range) {
        if (copiesOut() && !seesParts) {
            copyOut(range);
        }
    }

    @Override
    public void ended(@Nullable TransferError error) {
        if (error != null && copiesOut()) {
            side.fail(TransferErrorCode.CONTROL_FAILED, "the channel to the initiator broke: " + error.detail());
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
    public void seal() {
        backend().seal();
    }

    @Override
    public String lanes() {
        return backend().lanes();
    }

    @Override
    public Quiescence finish(Deadline grace) {
        backend().seal();
        return side.finish(backend().finish(grace));
    }
}
