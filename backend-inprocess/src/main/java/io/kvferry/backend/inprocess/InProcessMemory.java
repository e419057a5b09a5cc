package io.kvferry.backend.inprocess;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.MemoryHandle;
import io.kvferry.spi.MemoryRegion;

/** A region that one backend knows. Copying needs no registration; this only remembers that it was asked for. Thread-safe. */
final class InProcessMemory implements MemoryHandle {
    private final InProcessBackend owner;
    private final MemoryRegion region;
    private volatile boolean registered = true;

    InProcessMemory(InProcessBackend owner, MemoryRegion region) {
        this.owner = owner;
        this.region = region;
    }

    @Override
    public MemoryRegion region() {
        return region;
    }

    @Override
    public void deregister(Deadline deadline) {
        registered = false;
    }

    boolean isRegisteredWith(InProcessBackend backend) {
        return registered && owner == backend;
    }
}
