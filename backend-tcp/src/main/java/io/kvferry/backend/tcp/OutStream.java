package io.kvferry.backend.tcp;

import io.kvferry.netty.BlockCursor;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.TransferErrorCode;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * The sending end of one transfer on one lane: ranges wait, are sent in order, and are reported as applied once the peer
 * has acknowledged them and no window refers to them any more.
 */
final class OutStream implements LaneStream {
    private final TcpTransfer transfer;
    private final Lane lane;
    /** The initiator's name for this stream. */
    private final long name;
    /** Whether frames carry a checksum; at a READ's target the initiator says. */
    private final boolean checksum;

    private final BlockCursor cursor;
    private final ArrayDeque<BlockRange> unsent = new ArrayDeque<>();
    private final ArrayDeque<BlockRange> unreported = new ArrayDeque<>();
    private int reportedOfFirst;
    private int endOfCurrent;

    /** Counted in blocks, over the life of the stream. */
    private long added;

    private long sent;
    private long flushed;
    private long acknowledged;
    private long reported;

    private boolean queued;
    private boolean stopped;
    private int quietChecks;

    OutStream(TcpTransfer transfer, Lane lane, long name, boolean checksum) {
        this.transfer = transfer;
        this.lane = lane;
        this.name = name;
        this.checksum = checksum;
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

    boolean hasChecksum() {
        return checksum;
    }

    BlockCursor cursor() {
        return cursor;
    }

    /** Ranges that have not been sent completely. */
    int unsentRanges() {
        return unsent.size() + (isMidRange() ? 1 : 0);
    }

    void send(BlockRange range) {
        added += range.count();
        unsent.add(range);
        unreported.add(range);
    }

    /** Tells whether there is something to send, and moves to it. */
    boolean hasNext() {
        if (isMidRange()) {
            return true;
        }
        BlockRange next = unsent.poll();
        if (next == null) {
            return false;
        }
        cursor.moveTo(next.first(), 0);
        endOfCurrent = next.end();
        return true;
    }

    private boolean isMidRange() {
        return cursor.block() < endOfCurrent;
    }

    /** The block that frames must not run past at present. */
    int endOfCurrent() {
        return endOfCurrent;
    }

    /** A frame was made that began with the given block; returns the stream's count of sent blocks. */
    long sentFrom(int firstBlock) {
        sent += cursor.block() - firstBlock;
        return sent;
    }

    /** No window refers any more to the first blocks of this stream. */
    void flushed(long blocks) {
        quietChecks = 0;
        flushed = blocks;
        report();
    }

    /** The peer says that it has applied the first blocks of this stream. */
    @Nullable
    Refusal acknowledged(long blocks) {
        if (blocks < acknowledged || blocks > sent) {
            return new Refusal(
                    TransferErrorCode.PROTOCOL_ERROR,
                    "acknowledged " + blocks + " blocks, of which " + acknowledged + " before, with " + sent + " sent");
        }
        quietChecks = 0;
        acknowledged = blocks;
        report();
        return null;
    }

    private void report() {
        long ready = Math.min(flushed, acknowledged);
        while (reported < ready) {
            BlockRange range = unreported.element();
            int count = (int) Math.min(ready - reported, range.count() - reportedOfFirst);
            int first = range.first() + reportedOfFirst;
            reported += count;
            reportedOfFirst += count;
            if (reportedOfFirst == range.count()) {
                unreported.remove();
                reportedOfFirst = 0;
            }
            if (reported == added) {
                lane.progress().remove(this);
            }
            transfer.applied(first, count);
        }
    }

    /** Marks whether it waits for its turn on the lane; returns whether it did. */
    boolean setQueued(boolean now) {
        boolean before = queued;
        queued = now;
        return before;
    }

    @Override
    public void stop() {
        unsent.clear();
        endOfCurrent = 0;
        stopped = true;
        lane.progress().remove(this);
    }

    @Override
    public boolean isBusy() {
        return reported < added && !stopped && !transfer.hasEnded();
    }

    @Override
    public int countQuietCheck() {
        return quietChecks++;
    }
}
