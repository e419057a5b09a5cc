package io.kvferry.backend.rdma;

import io.kvferry.backend.rdma.adapter.RdmaAdapterInfo;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import java.util.Arrays;

/**
 * Cuts what was submitted into {@link Part}s: whole blocks, up to a number of bytes, in as few operations as neighbourhood
 * at both ends allows. Confined to the owner thread.
 */
final class Cutter {
    private final long batchBytes;
    private final long maxOperationBytes;
    private final long[] values;
    private final int[] blockOf;

    Cutter(RdmaAdapterInfo adapter, long batchBytes) {
        this.batchBytes = batchBytes;
        this.maxOperationBytes = adapter.maxOperationBytes();
        this.values = new long[3 * adapter.maxOperations()];
        this.blockOf = new int[adapter.maxOperations()];
    }

    /** The longest block that fits one batch. */
    static long maxBlockBytes(RdmaAdapterInfo adapter) {
        return adapter.maxOperationBytes() > Long.MAX_VALUE / adapter.maxOperations()
                ? Long.MAX_VALUE
                : adapter.maxOperationBytes() * adapter.maxOperations();
    }

    /** Cuts a part off the front of a range. */
    Part cut(RdmaInitiator transfer, BlockRange range) {
        BlockList blocks = transfer.blocks();
        int operations = 0;
        long bytes = 0;
        int at = range.first();
        while (at < range.end()) {
            long length = blocks.length(at);
            if (at > range.first() && bytes + length > batchBytes) {
                break;
            }
            int after = add(transfer, at, length, operations);
            if (after < 0) {
                break;
            }
            operations = after;
            bytes += length;
            at++;
        }
        return new Part(
                transfer,
                range.first(),
                at - range.first(),
                bytes,
                operations,
                Arrays.copyOf(values, 3 * operations),
                Arrays.copyOf(blockOf, operations));
    }

    /** Adds a block to the operations. Returns how many there are then, or -1 if it does not fit any more. */
    private int add(RdmaInitiator transfer, int block, long length, int operations) {
        long local = transfer.localAddress(block);
        long remote = transfer.remoteAddress(block);
        int last = 3 * (operations - 1);
        if (operations > 0
                && values[last] + values[last + 2] == local
                && values[last + 1] + values[last + 2] == remote
                && length <= maxOperationBytes - values[last + 2]
                && transfer.isSameMemory(blockOf[operations - 1], block)) {
            values[last + 2] += length;
            return operations;
        }
        int count = operations;
        for (long done = 0; done < length; count++) {
            if (count == blockOf.length) {
                return -1;
            }
            long bytes = Math.min(length - done, maxOperationBytes);
            values[3 * count] = local + done;
            values[3 * count + 1] = remote + done;
            values[3 * count + 2] = bytes;
            blockOf[count] = block;
            done += bytes;
        }
        return count;
    }
}
