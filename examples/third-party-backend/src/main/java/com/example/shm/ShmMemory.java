package com.example.shm;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.MemoryHandle;
import io.kvferry.spi.MemoryRegion;

/** A region that one backend knows. The kernel needs no registration; this only remembers that it was asked for. Thread-safe. */
final class ShmMemory implements MemoryHandle {
    private final ShmBackend owner;
    private final MemoryRegion region;
    private volatile boolean registered = true;

    ShmMemory(ShmBackend owner, MemoryRegion region) {
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

    boolean isRegisteredWith(ShmBackend backend) {
        return registered && owner == backend;
    }
}
