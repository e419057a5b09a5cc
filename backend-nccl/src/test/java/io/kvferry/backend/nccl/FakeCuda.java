package io.kvferry.backend.nccl;

import io.kvferry.backend.nccl.adapter.CudaAdapter;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/** The CUDA runtime of a {@link FakeGpu}. Thread-safe. */
final class FakeCuda implements CudaAdapter {
    private final FakeMemory memory;
    private final FakeStreams streams;
    private final FakeNccl nccl;
    private final AtomicInteger heldCopies = new AtomicInteger();
    private volatile boolean holdingCopies;
    private final ThreadLocal<Integer> current = ThreadLocal.withInitial(() -> 0);

    FakeCuda(FakeMemory memory, FakeStreams streams, FakeNccl nccl) {
        this.memory = memory;
        this.streams = streams;
        this.nccl = nccl;
    }

    void holdCopies(boolean on) {
        holdingCopies = on;
    }

    /** Copies that have come while they were held. */
    int heldCopies() {
        return heldCopies.get();
    }

    @Override
    public void use(int device) {
        if (Thread.currentThread().isVirtual()) {
            throw new IllegalStateException("a virtual thread loses its device");
        }
        current.set(device);
    }

    @Override
    public int deviceOf(long address) {
        return memory.deviceOf(address);
    }

    @Override
    public long allocate(long bytes) {
        return memory.allocate(current.get(), bytes);
    }

    @Override
    public void free(long address) {
        memory.free(address);
    }

    @Override
    public long allocatePinned(long bytes) {
        return memory.allocatePinned(bytes);
    }

    @Override
    public void freePinned(long address) {
        memory.free(address);
    }

    @Override
    public long createStream() {
        return streams.create();
    }

    @Override
    public void destroyStream(long stream) {
        streams.destroy(stream);
    }

    @Override
    public boolean isIdle(long stream) {
        return streams.isIdle(stream);
    }

    @Override
    public long createEvent() {
        return streams.createEvent();
    }

    @Override
    public void destroyEvent(long event) {
        streams.destroyEvent(event);
    }

    @Override
    public void record(long event, long stream) {
        nccl.requireStarted(stream);
        streams.record(event, stream);
    }

    @Override
    public boolean hasHappened(long event) {
        return streams.hasHappened(event);
    }

    @Override
    public void copy(long destination, long source, long bytes, long stream) {
        AtomicBoolean counted = new AtomicBoolean();
        streams.add(stream, () -> {
            if (holdingCopies) {
                if (counted.compareAndSet(false, true)) {
                    heldCopies.incrementAndGet();
                }
                return false;
            }
            MemorySegment.copy(memory.any(source, bytes), 0, memory.any(destination, bytes), 0, bytes);
            return true;
        });
    }
}
