package io.kvferry.backend.rdma;

import io.kvferry.backend.rdma.adapter.RdmaMemory;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.MemoryHandle;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** The regions that one backend has registered with its adapter. Thread-safe. */
final class Registrations {
    private final Set<RdmaMemory> registered = ConcurrentHashMap.newKeySet();

    private record Handle(Registrations owner, RdmaMemory memory) implements MemoryHandle {
        @Override
        public MemoryRegion region() {
            return memory.region();
        }

        @Override
        public void deregister(Deadline deadline) {
            memory.deregister(deadline);
            owner.registered.remove(memory);
        }
    }

    MemoryHandle add(RdmaMemory memory) {
        registered.add(memory);
        return new Handle(this, memory);
    }

    /** The registrations of the regions that blocks are in, in the order of those. */
    List<RdmaMemory> of(BlockList blocks, List<MemoryHandle> handles) {
        List<RdmaMemory> memories = new ArrayList<>(handles.size());
        for (int i = 0; i < blocks.regions().size(); i++) {
            if (i >= handles.size()
                    || !(handles.get(i) instanceof Handle handle)
                    || handle.owner() != this
                    || !registered.contains(handle.memory())
                    || !handle.region().equals(blocks.regions().get(i))) {
                throw new TransferException(
                        TransferErrorCode.MEMORY_NOT_REGISTERED,
                        Stage.PREPARE,
                        blocks.regions().get(i) + " is not registered with this rdma backend");
            }
            memories.add(handle.memory());
        }
        return memories;
    }

    /** Takes back what is left. */
    void close(Deadline deadline) {
        for (RdmaMemory memory : registered) {
            memory.deregister(deadline);
        }
    }
}
