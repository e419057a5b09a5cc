package io.kvferry.backend.mooncake;

import io.kvferry.backend.mooncake.adapter.MooncakeAdapter;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.MemoryHandle;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiConsumer;

/**
 * What is registered with the native engine. The library refuses memory that overlaps; a region inside one that is registered
 * shares its registration here. Confined to the engine's thread.
 */
final class NativeMemories {
    /** A region that one backend has registered. */
    record Handle(NativeBackend owner, MemoryRegion region, BiConsumer<MemoryRegion, Deadline> release)
            implements MemoryHandle {
        @Override
        public void deregister(Deadline deadline) {
            release.accept(region, deadline);
        }
    }

    private static final class Range {
        private final long bytes;
        private int users = 1;

        private Range(long bytes) {
            this.bytes = bytes;
        }
    }

    private final TreeMap<Long, Range> ranges = new TreeMap<>(Long::compareUnsigned);

    void add(MooncakeAdapter adapter, MemoryRegion region) {
        Map.Entry<Long, Range> around = around(region);
        if (around != null) {
            around.getValue().users++;
            return;
        }
        try {
            adapter.registerMemory(region.address(), region.sizeBytes());
        } catch (TransferException e) {
            if (e.code() != TransferErrorCode.ALREADY_EXISTS) {
                throw e;
            }
            throw new TransferException(
                    TransferErrorCode.ALREADY_EXISTS,
                    Stage.REGISTER,
                    region
                            + " overlaps with memory that is registered, and the native engine takes no overlap: register"
                            + " the whole first, then its parts",
                    e);
        }
        ranges.put(region.address(), new Range(region.sizeBytes()));
    }

    void remove(MooncakeAdapter adapter, MemoryRegion region) {
        Map.Entry<Long, Range> around = around(region);
        if (around != null && --around.getValue().users == 0) {
            ranges.remove(around.getKey());
            adapter.unregisterMemory(around.getKey());
        }
    }

    private Map.@org.jspecify.annotations.Nullable Entry<Long, Range> around(MemoryRegion region) {
        Map.Entry<Long, Range> below = ranges.floorEntry(region.address());
        return below != null && region.address() - below.getKey() + region.sizeBytes() <= below.getValue().bytes
                ? below
                : null;
    }

    /** Registers everything with another engine. */
    void moveTo(MooncakeAdapter adapter) {
        ranges.forEach((address, range) -> adapter.registerMemory(address, range.bytes));
    }
}
