package io.kvferry.backend.rdma.adapter.ucx;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.TimeUnit;

/** Waits for any of some file descriptors. Confined to the owner thread; closed once that has ended. */
final class Sleep {
    private static final int POLLFD_BYTES = 8;
    private static final short POLLIN = 1;

    private Arena arena = Arena.ofShared();
    private MemorySegment descriptors = arena.allocate(16L * POLLFD_BYTES, 4);
    private long count;

    void clear() {
        count = 0;
    }

    void add(int descriptor) {
        if (count * POLLFD_BYTES == descriptors.byteSize()) {
            grow();
        }
        descriptors.set(ValueLayout.JAVA_INT, count * POLLFD_BYTES, descriptor);
        descriptors.set(ValueLayout.JAVA_SHORT, count * POLLFD_BYTES + 4, POLLIN);
        count++;
    }

    private void grow() {
        Arena larger = Arena.ofShared();
        descriptors = larger.allocate(2 * descriptors.byteSize(), 4).copyFrom(descriptors);
        arena.close();
        arena = larger;
    }

    void await(long maxNanos) {
        NativeCalls.poll(descriptors, count, (int) Math.max(1, TimeUnit.NANOSECONDS.toMillis(maxNanos)));
    }

    void close() {
        arena.close();
    }
}
