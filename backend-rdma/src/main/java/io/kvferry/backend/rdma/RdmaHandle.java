package io.kvferry.backend.rdma;

import io.kvferry.backend.rdma.adapter.RdmaMemory;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.MemoryHandle;
import io.kvferry.spi.MemoryRegion;

/** A region that one backend has registered with its adapter. Immutable. */
record RdmaHandle(RdmaBackend owner, RdmaMemory memory) implements MemoryHandle {
    @Override
    public MemoryRegion region() {
        return memory.region();
    }

    @Override
    public void deregister(Deadline deadline) {
        memory.deregister(deadline);
        owner.forget(memory);
    }
}
