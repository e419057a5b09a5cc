package io.kvferry.backend.rdma.adapter.verbs;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A chain of requests that is posted with one call. Its memory is laid out once: request {@code i} points to request
 * {@code i + 1}, and to its own slices. Confined to the device's thread; used again after each post.
 */
final class SendBatch {
    private final int capacity;
    private final int maxSlices;
    private final MemorySegment requests;
    private final MemorySegment slices;
    private final MemorySegment bad;
    private int size;

    SendBatch(Arena arena, int capacity, int maxSlices) {
        this.capacity = capacity;
        this.maxSlices = maxSlices;
        this.requests = arena.allocate(capacity * Abi.SEND_WR_BYTES, 64);
        this.slices = arena.allocate((long) capacity * maxSlices * Abi.SGE_BYTES, 64);
        this.bad = arena.allocate(ADDRESS);
        for (int i = 0; i < capacity; i++) {
            requests.set(JAVA_LONG, at(i) + Abi.WR_SGES, slices.address() + (long) i * maxSlices * Abi.SGE_BYTES);
        }
    }

    private static long at(int request) {
        return request * Abi.SEND_WR_BYTES;
    }

    boolean isFull() {
        return size == capacity;
    }

    int size() {
        return size;
    }

    /** Begins a request; its slices follow. */
    void begin(long id, int opcode, int flags, long remoteAddress, int remoteKey) {
        long at = at(size);
        if (size > 0) {
            requests.set(JAVA_LONG, at(size - 1) + Abi.WR_NEXT, requests.address() + at);
        }
        requests.set(JAVA_LONG, at + Abi.WR_NEXT, 0);
        requests.set(JAVA_LONG, at + Abi.WR_ID, id);
        requests.set(JAVA_INT, at + Abi.WR_SGE_COUNT, 0);
        requests.set(JAVA_INT, at + Abi.WR_OPCODE, opcode);
        requests.set(JAVA_INT, at + Abi.WR_FLAGS, flags);
        requests.set(JAVA_LONG, at + Abi.WR_REMOTE_ADDRESS, remoteAddress);
        requests.set(JAVA_INT, at + Abi.WR_REMOTE_KEY, remoteKey);
        size++;
    }

    /** Adds local memory to the request that was begun last; returns false where it has no room for more. */
    boolean addSlice(long address, int bytes, int localKey) {
        long at = at(size - 1);
        int count = requests.get(JAVA_INT, at + Abi.WR_SGE_COUNT);
        if (count == maxSlices) {
            return false;
        }
        long slice = ((long) (size - 1) * maxSlices + count) * Abi.SGE_BYTES;
        slices.set(JAVA_LONG, slice + Abi.SGE_ADDRESS, address);
        slices.set(JAVA_INT, slice + Abi.SGE_LENGTH, bytes);
        slices.set(JAVA_INT, slice + Abi.SGE_LKEY, localKey);
        requests.set(JAVA_INT, at + Abi.WR_SGE_COUNT, count + 1);
        return true;
    }

    /** Makes the slice that was added last longer: more bytes behind it, locally and at the peer. */
    void extendSlice(long bytes) {
        long at = at(size - 1);
        long slice =
                ((long) (size - 1) * maxSlices + requests.get(JAVA_INT, at + Abi.WR_SGE_COUNT) - 1) * Abi.SGE_BYTES;
        int before = slices.get(JAVA_INT, slice + Abi.SGE_LENGTH);
        slices.set(JAVA_INT, slice + Abi.SGE_LENGTH, Math.toIntExact(before + bytes));
    }

    /** Asks for a completion of the request that was begun last, which stands for all before it. */
    void signalLast() {
        long flags = at(size - 1) + Abi.WR_FLAGS;
        requests.set(JAVA_INT, flags, requests.get(JAVA_INT, flags) | Abi.FLAG_SIGNALED);
    }

    /** The first request, which leads to the others. */
    MemorySegment first() {
        return requests;
    }

    /** Where {@code ibv_post_send} says which request it did not take. */
    MemorySegment bad() {
        return bad;
    }

    /** Which one that was; those before were taken. */
    int firstBad() {
        return Math.toIntExact((bad.get(ADDRESS, 0).address() - requests.address()) / Abi.SEND_WR_BYTES);
    }

    void clear() {
        size = 0;
    }
}
