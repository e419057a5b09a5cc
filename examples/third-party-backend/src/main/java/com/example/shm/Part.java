package com.example.shm;

import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;

/** One submitted range on its way, a batch at a time. Confined to the worker once submitted. */
final class Part {
    private final ShmInitiator transfer;
    private final BlockRange range;
    private int position;
    /** Bytes of the block at {@link #position} that are copied. */
    private long offset;

    Part(ShmInitiator transfer, BlockRange range) {
        this.transfer = transfer;
        this.range = range;
        this.position = range.first();
    }

    /** Copies up to {@code budget} bytes. Returns true if this part wants another turn. */
    boolean turn(CopyBatch batch, long budget) {
        if (!transfer.isLive() || !transfer.enter()) {
            return false;
        }
        int first = position;
        try {
            fill(batch, budget);
            advance(transfer.copy(batch));
        } catch (TransferException e) {
            transfer.fail(e.code(), e.error().detail());
            return false;
        } catch (RuntimeException | InternalError e) {
            // InternalError: a target cut the file of its page short, and the page is not there any more
            transfer.fail(TransferErrorCode.TRANSFER_FAILED, "copying block " + position + " failed: " + e);
            return false;
        } finally {
            transfer.leave();
        }
        if (position > first) {
            transfer.applied(new BlockRange(first, position - first));
        }
        return position < range.end();
    }

    private void fill(CopyBatch batch, long budget) {
        batch.clear();
        BlockList blocks = transfer.blocks();
        long done = offset;
        for (int i = position; i < range.end() && batch.bytes() < budget && !batch.isFull(); i++) {
            long bytes = Math.min(blocks.length(i) - done, budget - batch.bytes());
            batch.add(
                    blocks.region(i).address() + blocks.offset(i) + done, transfer.remoteAddress(i) + done, bytes);
            done = 0;
        }
    }

    private void advance(long copied) {
        long left = offset + copied;
        while (position < range.end() && left >= transfer.blocks().length(position)) {
            left -= transfer.blocks().length(position);
            position++;
        }
        offset = left;
    }
}
