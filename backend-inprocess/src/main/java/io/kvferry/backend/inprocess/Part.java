package io.kvferry.backend.inprocess;

import io.kvferry.spi.BlockRange;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;

/** One submitted range on its way. Confined to the worker once submitted. */
final class Part {
    private final Link link;
    private final BlockRange range;
    private int position;
    /** Bytes of the block at {@link #position} that are copied. */
    private long offset;

    Part(Link link, BlockRange range) {
        this.link = link;
        this.range = range;
        this.position = range.first();
    }

    /** Copies up to {@code budget} bytes. Returns true if this part wants another turn. */
    boolean turn(long budget) {
        if (!link.isLive()) {
            return false;
        }
        int first = position;
        boolean alive = copy(budget);
        if (position > first) {
            link.applied(new BlockRange(first, position - first));
        }
        return alive && position < range.end();
    }

    private boolean copy(long budget) {
        try {
            long left = budget;
            while (position < range.end() && left > 0) {
                long bytes = Math.min(link.blockBytes(position) - offset, left);
                if (!link.copy(position, offset, bytes)) {
                    return false;
                }
                left -= bytes;
                advance(bytes);
            }
            return true;
        } catch (TransferException e) {
            link.fail(e.code(), e.error().detail());
            return false;
        } catch (RuntimeException | Error e) {
            // Error too: a mapped file that was truncated surfaces as InternalError.
            link.fail(TransferErrorCode.TRANSFER_FAILED, "copying block " + position + " failed: " + e);
            return false;
        }
    }

    private void advance(long bytes) {
        offset += bytes;
        if (offset == link.blockBytes(position)) {
            position++;
            offset = 0;
        }
    }
}
