package io.kvferry.backend.nccl;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.MemoryHandle;
import io.kvferry.spi.MemoryRegion;

/** Device memory that one backend knows. Thread-safe. */
final class NcclMemory implements MemoryHandle {
    private final NcclBackend owner;
    private final MemoryRegion region;
    private volatile boolean registered = true;

    NcclMemory(NcclBackend owner, MemoryRegion region) {
        this.owner = owner;
        this.region = region;
    }

    @Override
    public MemoryRegion region() {
        return region;
    }

    @Override
    public void deregister(Deadline deadline) {
        if (registered) {
            owner.forget(region, deadline);
            registered = false;
        }
    }

    boolean isRegisteredWith(NcclBackend backend) {
        return registered && owner == backend;
    }
}
