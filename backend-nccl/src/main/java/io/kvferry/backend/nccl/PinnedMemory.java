package io.kvferry.backend.nccl;

import io.kvferry.spi.MemoryRegion;
import java.lang.foreign.MemorySegment;

/** Page-locked host memory as Java sees it. */
final class PinnedMemory {
    private PinnedMemory() {}

    @SuppressWarnings("restricted") // address and size come from the allocation itself
    static MemorySegment segment(long address, long bytes) {
        return MemorySegment.ofAddress(address).reinterpret(bytes);
    }

    static MemoryRegion region(long address, long bytes) {
        return MemoryRegion.host(segment(address, bytes));
    }
}
