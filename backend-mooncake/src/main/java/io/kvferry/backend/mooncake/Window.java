package io.kvferry.backend.mooncake;

import io.kvferry.spi.BlockList;
import io.kvferry.spi.Operation;
import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * The part of our address space that one lease is seen through: its blocks, one behind the other. Addresses on the wire
 * are of this space; no address of the process leaves it. Thread-safe, lock-free.
 */
final class Window {
    private final long base;
    private final WireTransfer transfer;
    private final Set<Operation> allowed;
    private final long[] offsets;
    /** Bytes of each block that may still begin to land, and bytes that have not landed; none where blocks may be written again. */
    private final AtomicLongArray unclaimed;

    private final AtomicLongArray missing;

    /** @param once whether every byte is written at most once, so that blocks can be counted as they arrive */
    Window(long base, WireTransfer transfer, Set<Operation> allowed, boolean once) {
        this.base = base;
        this.transfer = transfer;
        this.allowed = allowed;
        this.offsets = RemoteBlocks.Lease.offsets(transfer.blocks());
        this.unclaimed = once ? lengths(transfer.blocks()) : new AtomicLongArray(0);
        this.missing = once ? lengths(transfer.blocks()) : unclaimed;
    }

    private static AtomicLongArray lengths(BlockList blocks) {
        AtomicLongArray lengths = new AtomicLongArray(blocks.size());
        for (int i = 0; i < blocks.size(); i++) {
            lengths.setPlain(i, blocks.length(i));
        }
        return lengths;
    }

    long base() {
        return base;
    }

    long size() {
        return transfer.blocks().totalBytes();
    }

    WireTransfer transfer() {
        return transfer;
    }

    /** Tells whether a request stays inside and does what the lease allows. Sizes are unsigned. */
    boolean allows(RequestHeader request) {
        long offset = request.address() - base;
        return allowed.contains(request.operation())
                && request.size() > 0
                && request.size() <= size()
                && Long.compareUnsigned(offset, size() - request.size()) <= 0;
    }

    /** The block that an offset is in. */
    int blockAt(long offset) {
        int found = Arrays.binarySearch(offsets, offset);
        return found >= 0 ? found : -found - 2;
    }

    long offsetOf(int block) {
        return offsets[block];
    }

    /** Takes bytes to be written: each once. What is taken of a refused request stays taken, as its transfer has failed. */
    boolean claim(long offset, long bytes) {
        return unclaimed.length() == 0
                || forEachBlock(offset, bytes, (block, part) -> unclaimed.addAndGet(block, -part) >= 0);
    }

    /** Bytes have landed; reports the blocks that are complete. */
    void landed(long offset, long bytes) {
        if (missing.length() == 0) {
            return;
        }
        int[] run = {0, 0};
        boolean counted = forEachBlock(offset, bytes, (block, part) -> {
            if (missing.addAndGet(block, -part) == 0) {
                run[0] = run[1] == 0 ? block : run[0];
                run[1]++;
            }
            return true;
        });
        if (counted && run[1] > 0) {
            transfer.tally().applied(run[0], run[1]);
        }
    }

    private interface PartOfBlock {
        boolean accept(int block, long bytes);
    }

    private boolean forEachBlock(long offset, long bytes, PartOfBlock action) {
        int block = blockAt(offset);
        long at = offset;
        long end = offset + bytes;
        boolean all = true;
        while (at < end) {
            long part = Math.min(offsets[block] + transfer.blocks().length(block), end) - at;
            all &= action.accept(block, part);
            at += part;
            block++;
        }
        return all;
    }

    @Override
    public String toString() {
        return "window of " + transfer;
    }
}
