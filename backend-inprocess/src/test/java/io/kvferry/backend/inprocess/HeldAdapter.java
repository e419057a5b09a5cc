package io.kvferry.backend.inprocess;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Copies for one worker, but stands still inside the n-th slice until it is let go. */
final class HeldAdapter implements CopyAdapter {
    private static final long PATIENCE_SECONDS = 20;

    private final int heldSlice;
    private final List<Long> slices = new CopyOnWriteArrayList<>();
    private final CountDownLatch held = new CountDownLatch(1);
    private final CountDownLatch go = new CountDownLatch(1);

    /** Slices are counted from 0. */
    HeldAdapter(int heldSlice) {
        this.heldSlice = heldSlice;
    }

    @Override
    public void copy(
            MemorySegment source, long sourceOffset, MemorySegment destination, long destinationOffset, long bytes) {
        slices.add(bytes);
        if (slices.size() - 1 == heldSlice) {
            held.countDown();
            await(go);
        }
        CopyAdapter.MEMORY.copy(source, sourceOffset, destination, destinationOffset, bytes);
    }

    void awaitHeld() {
        await(held);
    }

    void letGo() {
        go.countDown();
    }

    int slices() {
        return slices.size();
    }

    /** The sizes of all slices, in the order they came. */
    List<Long> sliceBytes() {
        return List.copyOf(slices);
    }

    private static void await(CountDownLatch latch) {
        try {
            if (!latch.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                throw new IllegalStateException("nobody came");
            }
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
