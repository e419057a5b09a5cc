package com.example.shm;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Pairs of ranges for one call of the kernel, in its own form: two arrays of {@code struct iovec}. Made once and filled
 * again, so that nothing is allocated while bytes move. Confined to the thread that uses it.
 */
final class CopyBatch {
    private static final long ENTRY = 16;

    private final int capacity;
    private final MemorySegment local;
    private final MemorySegment remote;
    private final MemorySegment state;
    private int size;
    private long bytes;

    CopyBatch(int capacity) {
        Arena arena = Arena.ofAuto();
        this.capacity = capacity;
        this.local = arena.allocate(ENTRY * capacity, 8);
        this.remote = arena.allocate(ENTRY * capacity, 8);
        this.state = Libc.state(arena);
    }

    void clear() {
        size = 0;
        bytes = 0;
    }

    void add(long localAddress, long remoteAddress, long length) {
        set(local, localAddress, length);
        set(remote, remoteAddress, length);
        size++;
        bytes += length;
    }

    private void set(MemorySegment array, long address, long length) {
        array.set(ValueLayout.JAVA_LONG, size * ENTRY, address);
        array.set(ValueLayout.JAVA_LONG, size * ENTRY + 8, length);
    }

    boolean isFull() {
        return size == capacity;
    }

    int size() {
        return size;
    }

    long bytes() {
        return bytes;
    }

    MemorySegment local() {
        return local;
    }

    MemorySegment remote() {
        return remote;
    }

    /** Where the C library leaves its errno. */
    MemorySegment state() {
        return state;
    }
}
