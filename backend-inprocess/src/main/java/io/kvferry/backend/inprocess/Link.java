package io.kvferry.backend.inprocess;

import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.lang.foreign.MemorySegment;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The two sides of one transfer, joined after the initiator showed the lease's key. Copies are confined to one worker: the
 * initiator's, or the target's in two-sided mode.
 */
final class Link {
    private final TransferSide initiator;
    private final TransferSide target;
    private final BlockList sources;
    private final BlockList destinations;
    private final CopyAdapter adapter;
    private final @Nullable Checksum checksum;
    private final Consumer<BlockRange> initiatorEvidence;

    /** {@code initiatorEvidence} is how the initiator learns which blocks are applied. */
    Link(
            TransferSide initiator,
            TransferSide target,
            Operation operation,
            CopyAdapter adapter,
            boolean checked,
            Consumer<BlockRange> initiatorEvidence) {
        this.initiator = initiator;
        this.target = target;
        this.sources = (operation == Operation.WRITE ? initiator : target).blocks();
        this.destinations = (operation == Operation.WRITE ? target : initiator).blocks();
        this.adapter = adapter;
        this.checksum = checked ? new Checksum() : null;
        this.initiatorEvidence = initiatorEvidence;
    }

    long blockBytes(int position) {
        return sources.length(position);
    }

    /** Tells whether the next slices may move; fails the transfer where its time is over. */
    boolean isLive() {
        if (initiator.isExpired()) {
            initiator.fail(TransferErrorCode.DEADLINE_EXCEEDED, "the deadline passed before all blocks were copied");
            return false;
        }
        if (target.isExpired()) {
            target.seal();
            initiator.fail(TransferErrorCode.LEASE_ENDED, "the lease expired before all blocks were copied");
            return false;
        }
        return true;
    }

    /** Copies one slice while both gates are open. Returns false if the transfer has ended. */
    boolean copy(int position, long offset, long bytes) {
        if (!initiator.enter()) {
            return false;
        }
        try {
            if (target.enter()) {
                try {
                    copyInsideGates(position, offset, bytes);
                    return true;
                } finally {
                    target.leave();
                }
            }
        } finally {
            initiator.leave();
        }
        refused();
        return false;
    }

    /** Throws DATA_CORRUPTED, or whatever the adapter throws. */
    private void copyInsideGates(int position, long offset, long bytes) {
        MemorySegment source = sources.region(position).segment();
        MemorySegment destination = destinations.region(position).segment();
        long from = sources.offset(position) + offset;
        long to = destinations.offset(position) + offset;
        adapter.copy(source, from, destination, to, bytes);
        if (checksum != null && checksum.of(source, from, bytes) != checksum.of(destination, to, bytes)) {
            throw new TransferException(
                    TransferErrorCode.DATA_CORRUPTED,
                    Stage.TRANSFER,
                    "block key " + sources.key(position) + ": the " + bytes + " bytes at " + offset
                            + " have another CRC32C at the destination than at the source; transfer it again");
        }
    }

    private void refused() {
        if (target.error() != null) {
            initiator.fail(TransferErrorCode.TRANSFER_FAILED, "the target's side failed: " + target.error());
        } else {
            initiator.fail(TransferErrorCode.LEASE_ENDED, "the target ended the lease before all blocks were copied");
        }
    }

    void applied(BlockRange range) {
        target.applied(range);
        initiatorEvidence.accept(range);
    }

    /** Fails both sides: the one that consumes the bytes must not count on them. */
    void fail(TransferErrorCode code, String detail) {
        // the initiator first: once the target's side has failed, its engine closes the channel, which says less
        initiator.fail(code, detail);
        target.fail(code, detail);
    }
}
