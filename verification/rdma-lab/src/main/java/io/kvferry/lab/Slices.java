package io.kvferry.lab;

import io.kvferry.backend.rdma.adapter.RdmaBatch;
import io.kvferry.backend.rdma.adapter.RdmaMemory;
import io.kvferry.backend.rdma.adapter.RdmaRemoteKey;
import io.kvferry.spi.Operation;
import java.util.List;

/**
 * A batch over one local and one remote memory. Immutable.
 *
 * @param operation what it does
 * @param local where the local bytes are
 * @param remote the key to the remote ones
 * @param remoteBase where the remote memory begins
 * @param slices what moves
 */
record Slices(Operation operation, RdmaMemory local, RdmaRemoteKey remote, long remoteBase, List<Slice> slices)
        implements RdmaBatch {
    /** From or to {@code here} in the local memory, {@code there} in the remote one. */
    record Slice(long here, long there, long bytes) {}

    @Override
    public int size() {
        return slices.size();
    }

    @Override
    public RdmaMemory local(int index) {
        return local;
    }

    @Override
    public long localAddress(int index) {
        return local.region().address() + slices.get(index).here();
    }

    @Override
    public RdmaRemoteKey remote(int index) {
        return remote;
    }

    @Override
    public long remoteAddress(int index) {
        return remoteBase + slices.get(index).there();
    }

    @Override
    public long length(int index) {
        return slices.get(index).bytes();
    }
}
