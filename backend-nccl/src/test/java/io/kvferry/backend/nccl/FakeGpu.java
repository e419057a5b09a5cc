package io.kvferry.backend.nccl;

import io.kvferry.backend.nccl.adapter.CudaAdapter;
import io.kvferry.backend.nccl.adapter.LibraryPaths;
import io.kvferry.backend.nccl.adapter.NcclAdapter;
import io.kvferry.backend.nccl.adapter.NcclLibrary;
import io.kvferry.backend.nccl.adapter.Presence;
import java.util.concurrent.locks.LockSupport;

/**
 * A machine with GPUs and NCCL in plain Java, as unfriendly as the real one: addresses that the CPU cannot read, calls that
 * are not over when they return, receives that never end without their send, and memory that is written until a stream is
 * idle, abort or not. What NCCL calls undefined is an {@link IllegalStateException} here. Thread-safe.
 */
final class FakeGpu implements NcclLibrary {
    private static final int DEVICES = 2;
    private static final long SHORTEST_PAUSE_NANOS = 50_000;
    private static final long LONGEST_PAUSE_NANOS = 20_000_000;

    private final FakeMemory memory = new FakeMemory();
    private final FakeStreams streams = new FakeStreams();
    private final FakeNccl nccl = new FakeNccl(memory, streams);
    private final FakeCuda cuda = new FakeCuda(memory, streams, nccl);
    private final Thread clock;
    private volatile int version = 22_809;

    FakeGpu() {
        clock = Thread.ofPlatform().daemon().name("fake-gpu").unstarted(this::run);
        streams.onWork(() -> LockSupport.unpark(clock));
        clock.start();
    }

    /** Looks less and less often while nothing moves, so that the devices of tests that are over cost nothing. */
    private void run() {
        long pauseNanos = SHORTEST_PAUSE_NANOS;
        while (true) {
            if (streams.step()) {
                pauseNanos = SHORTEST_PAUSE_NANOS;
            } else {
                LockSupport.parkNanos(this, pauseNanos);
                pauseNanos = Math.min(LONGEST_PAUSE_NANOS, pauseNanos + pauseNanos / 16);
            }
        }
    }

    @Override
    public Presence find(LibraryPaths paths) {
        return new Presence.Found(DEVICES, version);
    }

    @Override
    public CudaAdapter cuda() {
        return cuda;
    }

    @Override
    public NcclAdapter nccl() {
        return nccl;
    }

    /** Lets no copy between host and device end. */
    void holdCopies(boolean on) {
        cuda.holdCopies(on);
        streams.wake();
    }

    int heldCopies() {
        return cuda.heldCopies();
    }

    /** Says what NCCL's version is. */
    void version(int ncclVersion) {
        version = ncclVersion;
    }

    FakeNccl fakeNccl() {
        return nccl;
    }

    FakeStreams streams() {
        return streams;
    }

    FakeMemory memory() {
        return memory;
    }
}
