package io.kvferry.backend.rdma;

import io.kvferry.backend.rdma.adapter.RdmaBatch;
import io.kvferry.backend.rdma.adapter.RdmaMemory;
import io.kvferry.backend.rdma.adapter.RdmaRemoteKey;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Operation;

/** Whole blocks of one transfer that are posted together; neighbours at both ends are one operation. Immutable once posted. */
final class Part implements RdmaBatch {
    private final RdmaInitiator transfer;
    private final int first;
    private final int count;
    private final long bytes;
    private final int operations;
    /** Per operation: local address, remote address, length. */
    private final long[] values;
    /** Per operation: a block of it. */
    private final int[] blocks;

    Part(RdmaInitiator transfer, int first, int count, long bytes, int operations, long[] values, int[] blocks) {
        this.transfer = transfer;
        this.first = first;
        this.count = count;
        this.bytes = bytes;
        this.operations = operations;
        this.values = values;
        this.blocks = blocks;
    }

    RdmaInitiator transfer() {
        return transfer;
    }

    BlockRange range() {
        return new BlockRange(first, count);
    }

    long bytes() {
        return bytes;
    }

    @Override
    public Operation operation() {
        return transfer.operation();
    }

    @Override
    public int size() {
        return operations;
    }

    @Override
    public RdmaMemory local(int index) {
        return transfer.local(blocks[index]);
    }

    @Override
    public long localAddress(int index) {
        return values[3 * index];
    }

    @Override
    public RdmaRemoteKey remote(int index) {
        return transfer.remote(blocks[index]);
    }

    @Override
    public long remoteAddress(int index) {
        return values[3 * index + 1];
    }

    @Override
    public long length(int index) {
        return values[3 * index + 2];
    }
}
