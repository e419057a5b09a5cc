package io.kvferry.backend.nccl;

import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashSet;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;

/** Device memory behind addresses that mean nothing to the CPU, and page-locked host memory. Thread-safe. */
final class FakeMemory {
    private static final long FIRST_ADDRESS = 0x7a00_0000_0000L;
    private static final long SPARSE_FROM = 256L << 20;
    private static final long GAP = 1 << 20;
    private static final long CAPACITY = 16L << 30;

    private static final class Allocation {
        final int device;
        final MemorySegment bytes;
        final Arena arena;
        int pins;

        Allocation(int device, MemorySegment bytes, Arena arena) {
            this.device = device;
            this.bytes = bytes;
            this.arena = arena;
        }
    }

    private final NavigableMap<Long, Allocation> allocations = new TreeMap<>();
    private final Set<Long> fromNccl = new HashSet<>();
    private long next = FIRST_ADDRESS;
    private long used;

    synchronized long allocate(int device, long bytes) {
        if (used + bytes > CAPACITY) {
            throw new TransferException(
                    TransferErrorCode.RESOURCE_EXHAUSTED, Stage.REGISTER, "the fake device has no room for " + bytes);
        }
        Arena arena = Arena.ofShared();
        MemorySegment segment = bytes < SPARSE_FROM ? arena.allocate(bytes) : sparse(arena, bytes);
        // nothing stands at the address itself: a CPU that reads it crashes, as with a real one
        long address = next;
        next += bytes + GAP;
        used += bytes;
        allocations.put(address, new Allocation(device, segment, arena));
        return address;
    }

    private static MemorySegment sparse(Arena arena, long bytes) {
        try {
            Path file = Files.createTempFile("kvferry-fake-gpu", ".sparse");
            try (FileChannel channel = FileChannel.open(
                    file, StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.DELETE_ON_CLOSE)) {
                return channel.map(FileChannel.MapMode.READ_WRITE, 0, bytes, arena);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Memory that NCCL can register to good effect. */
    synchronized long allocateForNccl(int device, long bytes) {
        long address = allocate(device, bytes);
        fromNccl.add(address);
        return address;
    }

    synchronized boolean fromNccl(long address) {
        return fromNccl.contains(address);
    }

    synchronized long allocatePinned(long bytes) {
        Arena arena = Arena.ofShared();
        MemorySegment segment = arena.allocate(bytes);
        allocations.put(segment.address(), new Allocation(-1, segment, arena));
        return segment.address();
    }

    synchronized void free(long address) {
        Allocation freed = allocations.remove(address);
        if (freed == null) {
            throw new IllegalStateException("freed twice, or never allocated: 0x" + Long.toHexString(address));
        }
        if (freed.pins > 0) {
            throw new IllegalStateException("freed with " + freed.pins + " transfers in flight");
        }
        used -= freed.device < 0 ? 0 : freed.bytes.byteSize();
        freed.arena.close();
    }

    synchronized int deviceOf(long address) {
        Map.Entry<Long, Allocation> at = allocations.floorEntry(address);
        return at != null && address - at.getKey() < at.getValue().bytes.byteSize() ? at.getValue().device : -1;
    }

    /** The bytes behind device memory, wholly inside one allocation. */
    synchronized MemorySegment device(long address, long bytes) {
        Allocation at = find(address, bytes);
        if (at == null || at.device < 0) {
            throw new IllegalStateException("not device memory: 0x" + Long.toHexString(address) + " +" + bytes);
        }
        return at.bytes.asSlice(address - allocations.floorKey(address), bytes);
    }

    /** The bytes behind any address: device memory, or what the host has there. */
    synchronized MemorySegment any(long address, long bytes) {
        Allocation at = find(address, bytes);
        return at == null
                ? MemorySegment.ofAddress(address).reinterpret(bytes)
                : at.bytes.asSlice(address - allocations.floorKey(address), bytes);
    }

    private Allocation find(long address, long bytes) {
        Map.Entry<Long, Allocation> at = allocations.floorEntry(address);
        return at != null
                        && address - at.getKey() + bytes <= at.getValue().bytes.byteSize()
                ? at.getValue()
                : null;
    }

    synchronized void pin(long address, int change) {
        Map.Entry<Long, Allocation> at = allocations.floorEntry(address);
        if (at == null) {
            throw new IllegalStateException("memory of a transfer was freed: 0x" + Long.toHexString(address));
        }
        at.getValue().pins += change;
    }
}
