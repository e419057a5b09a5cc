package io.kvferry.backend.tcp;

import io.kvferry.netty.BlockCursor;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Side;
import io.kvferry.spi.TransferErrorCode;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * The receiving end of one transfer on one lane. A WRITE's target takes blocks in any order, each once and each from its
 * first byte to its last without a gap; a READ's initiator takes exactly what it asked for, in that order.
 */
final class InStream implements LaneStream {
    private final TcpTransfer transfer;
    private final Lane lane;
    /** The initiator's name for this stream. */
    private final long name;

    private final BlockCursor cursor;
    /** What a READ's initiator has asked for. */
    private final ArrayDeque<BlockRange> awaited = new ArrayDeque<>();

    /** Where the frame that lands began, and where the next has to begin. */
    private int frameBlock;

    private int nextBlock;
    private long nextInBlock;
    private long applied;
    private boolean ackDue;
    private int quietChecks;

    InStream(TcpTransfer transfer, Lane lane, long name) {
        this.transfer = transfer;
        this.lane = lane;
        this.name = name;
        this.cursor = transfer.newCursor();
    }

    @Override
    public TcpTransfer transfer() {
        return transfer;
    }

    @Override
    public Lane lane() {
        return lane;
    }

    long name() {
        return name;
    }

    BlockCursor cursor() {
        return cursor;
    }

    /** A READ's initiator has asked for a range. */
    void await(BlockRange range) {
        awaited.add(range);
        if (awaited.size() == 1) {
            nextBlock = range.first();
            nextInBlock = 0;
        }
    }

    int awaitedRanges() {
        return awaited.size();
    }

    /**
     * Checks where a frame wants to land; what passes is claimed and the cursor stands at its first byte.
     *
     * @return why it may not land, or null
     */
    @Nullable
    Refusal begin(FrameHeader frame) {
        return transfer.terms().side() == Side.TARGET ? beginLeased(frame) : beginAwaited(frame);
    }

    private @Nullable Refusal beginLeased(FrameHeader frame) {
        BlockList blocks = transfer.blocks();
        if (transfer.terms().operation() != Operation.WRITE) {
            return new Refusal(TransferErrorCode.ACCESS_DENIED, "the lease allows READ, the peer tried WRITE");
        }
        if (frame.block < 0 || frame.block >= blocks.size() || frame.offset < 0) {
            return outside(frame);
        }
        boolean continues = nextInBlock != 0;
        if (continues ? frame.block != nextBlock || frame.offset != nextInBlock : frame.offset != 0) {
            return new Refusal(
                    TransferErrorCode.PROTOCOL_ERROR,
                    "block " + frame.block + " offset " + frame.offset + " came when "
                            + (continues ? "block " + nextBlock + " offset " + nextInBlock : "the start of a block")
                            + " was due");
        }
        if (!walk(frame, blocks.size())) {
            return outside(frame);
        }
        if (!transfer.claims()
                .claim(continues ? frame.block + 1 : frame.block, nextInBlock > 0 ? nextBlock + 1 : nextBlock)) {
            return new Refusal(TransferErrorCode.PROTOCOL_ERROR, "a block from " + frame.block + " on was sent twice");
        }
        cursor.moveTo(frame.block, frame.offset);
        transfer.begin();
        return null;
    }

    private @Nullable Refusal beginAwaited(FrameHeader frame) {
        BlockRange range = awaited.peek();
        if (range == null || frame.block != nextBlock || frame.offset != nextInBlock) {
            return new Refusal(
                    TransferErrorCode.PROTOCOL_ERROR,
                    "block " + frame.block + " offset " + frame.offset + " came when "
                            + (range == null ? "nothing" : "block " + nextBlock + " offset " + nextInBlock)
                            + " was due");
        }
        if (!walk(frame, range.end())) {
            return outside(frame);
        }
        cursor.moveTo(frame.block, frame.offset);
        return null;
    }

    private static Refusal outside(FrameHeader frame) {
        return new Refusal(
                TransferErrorCode.ACCESS_DENIED,
                "block " + frame.block + " offset " + frame.offset + " length " + frame.length
                        + " is not inside the transfer's blocks");
    }

    /** Moves the expectation past the frame; false if that would leave the blocks before {@code endBlock}. */
    private boolean walk(FrameHeader frame, int endBlock) {
        BlockList blocks = transfer.blocks();
        int block = frame.block;
        long inBlock = frame.offset;
        long left = frame.length;
        while (left > 0) {
            if (block >= endBlock) {
                return false;
            }
            long rest = blocks.length(block) - inBlock;
            if (left < rest) {
                inBlock += left;
                left = 0;
            } else {
                left -= rest;
                block++;
                inBlock = 0;
            }
        }
        frameBlock = frame.block;
        nextBlock = block;
        nextInBlock = inBlock;
        return true;
    }

    /** The frame's bytes are in memory and its checksum is right. */
    void landed() {
        quietChecks = 0;
        int first = frameBlock;
        int count = nextBlock - first;
        BlockRange range = awaited.peek();
        if (range != null && nextBlock == range.end()) {
            awaited.remove();
            lane.reads().completed();
            BlockRange next = awaited.peek();
            if (next == null) {
                lane.progress().remove(this);
            } else {
                nextBlock = next.first();
            }
        }
        if (count > 0) {
            applied += count;
            transfer.applied(first, count);
            lane.acks().add(this);
        }
    }

    /** Blocks applied so far. */
    long applied() {
        return applied;
    }

    /** Marks whether an acknowledgement is to be sent; returns whether one was. */
    boolean setAckDue(boolean now) {
        boolean before = ackDue;
        ackDue = now;
        return before;
    }

    @Override
    public void stop() {
        lane.stopReceiving(this);
        awaited.clear();
        lane.progress().remove(this);
    }

    @Override
    public boolean isBusy() {
        return !awaited.isEmpty() && !transfer.hasEnded();
    }

    @Override
    public int countQuietCheck() {
        return quietChecks++;
    }
}
