package io.kvferry.engine;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.DeviceMemory;
import io.kvferry.spi.MemoryHandle;
import io.kvferry.spi.MemoryKind;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferBackend;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;

/** Memory that one backend can move, lent to the transfers that are staged. Thread-safe. */
final class StagingPool {
    /** Copies are fastest from here on. */
    private static final long ALIGNMENT = 256;

    private final DeviceMemory port;
    private final MemoryRegion region;
    private final MemoryHandle handle;
    private final Object lock = new Object();
    // guarded by lock: what is free, by its start; neighbours are merged
    private final NavigableMap<Long, Long> free = new TreeMap<>();

    private StagingPool(DeviceMemory port, MemoryRegion region, MemoryHandle handle) {
        this.port = port;
        this.region = region;
        this.handle = handle;
        free.put(0L, region.sizeBytes());
    }

    /** Allocates memory of the kind that the backend moves, and registers it. */
    static StagingPool open(
            TransferBackend backend, MemoryKind moved, DeviceMemory port, long sizeBytes, Deadline deadline) {
        MemoryRegion region =
                moved == MemoryKind.HOST ? port.allocatePinned(sizeBytes) : port.allocate(port.device(), sizeBytes);
        try {
            return new StagingPool(port, region, backend.register(region, deadline));
        } catch (RuntimeException e) {
            port.free(region);
            throw e;
        }
    }

    MemoryRegion region() {
        return region;
    }

    MemoryHandle handle() {
        return handle;
    }

    DeviceMemory port() {
        return port;
    }

    /** Rounds up, so that every piece begins well. */
    static long aligned(long bytes) {
        return (bytes + ALIGNMENT - 1) & -ALIGNMENT;
    }

    /** Lends a piece. */
    long take(long bytes) {
        synchronized (lock) {
            Optional<Map.Entry<Long, Long>> hole = free.entrySet().stream()
                    .filter(each -> each.getValue() >= bytes)
                    .findFirst();
            if (hole.isPresent()) {
                long at = hole.get().getKey();
                long left = hole.get().getValue() - bytes;
                free.remove(at);
                if (left > 0) {
                    free.put(at + bytes, left);
                }
                return at;
            }
        }
        throw new TransferException(
                TransferErrorCode.RESOURCE_EXHAUSTED,
                Stage.PREPARE,
                "no " + bytes + " bytes in one piece are free for staging: kvferry.staging-size=" + region.sizeBytes()
                        + "; raise it, or move less at one time");
    }

    /** Takes a piece back. */
    void give(long at, long bytes) {
        synchronized (lock) {
            long start = at;
            long length = bytes;
            Map.Entry<Long, Long> before = free.floorEntry(at);
            if (before != null && before.getKey() + before.getValue() == at) {
                start = before.getKey();
                length += before.getValue();
            }
            Long after = free.remove(at + bytes);
            free.put(start, length + (after == null ? 0 : after));
        }
    }

    /** Tells whether nothing is lent. */
    boolean isWhole() {
        synchronized (lock) {
            return free.size() == 1 && free.firstEntry().getValue() == region.sizeBytes();
        }
    }

    /** Frees the memory. Only when nothing is lent. */
    void close(Deadline deadline) {
        handle.deregister(deadline);
        port.free(region);
    }
}
