package io.kvferry.cli.file;

import io.kvferry.engine.Lease;
import io.kvferry.engine.Memory;
import io.kvferry.engine.TransferEngine;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The memory of one client's windows: as many pieces as may be in flight, allocated when first used.
 *
 * <p><b>Threads:</b> Thread-safe; a slot that was taken is confined to the thread that took it.
 */
final class WindowSlots {
    /** How long a request waits for a window before it; longer, and the client does not keep to its number. */
    private static final Duration PATIENCE = Duration.ofSeconds(5);

    /** FINISH follows the last byte closely; a client that asks for the next window has got the one before. */
    private static final Duration FINISH_WAIT = Duration.ofSeconds(2);

    private final TransferEngine engine;
    private final long slotBytes;
    private final BlockingQueue<Slot> free;
    private volatile boolean closed;

    WindowSlots(TransferEngine engine, int slots, long slotBytes) {
        this.engine = engine;
        this.slotBytes = slotBytes;
        this.free = new ArrayBlockingQueue<>(slots);
        for (int i = 0; i < slots; i++) {
            free.add(new Slot());
        }
    }

    /** One piece of memory with the lease that uses it. */
    final class Slot {
        private @Nullable Memory memory;
        private @Nullable Lease lease;

        /** Memory that nobody else touches. */
        Memory memory() {
            Memory usable = memory;
            if (usable == null) {
                usable = engine.allocate(slotBytes);
                memory = usable;
            }
            return usable;
        }

        void leased(Lease newLease) {
            lease = newLease;
        }

        @Nullable
        Lease lease() {
            return lease;
        }

        /** Ends the lease; memory that a peer may still reach is given up, the engine frees it later. */
        private void settle() {
            Lease last = lease;
            if (last != null) {
                last.await(Deadline.after(FINISH_WAIT));
                if (last.memory() == Quiescence.QUARANTINED) {
                    release();
                }
                lease = null;
            }
        }

        private void release() {
            Lease last = lease;
            if (last != null) {
                last.revoke();
            }
            Memory given = memory;
            memory = null;
            if (given != null) {
                closeSoon(given);
            }
        }

        private static void closeSoon(Memory memory) {
            try {
                memory.close(Deadline.after(Duration.ZERO));
            } catch (TransferException stillInUse) {
                if (stillInUse.code() != TransferErrorCode.RESOURCE_EXHAUSTED) {
                    throw stillInUse;
                }
            }
        }
    }

    /**
     * Takes a slot that no lease uses any more.
     *
     * @throws TransferException RESOURCE_EXHAUSTED if the client has too many windows in flight
     */
    Slot take() {
        Slot slot;
        try {
            slot = free.poll(PATIENCE.toNanos(), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new TransferException(TransferErrorCode.CANCELLED, Stage.OFFER, "interrupted", e);
        }
        if (slot == null) {
            throw new TransferException(
                    TransferErrorCode.RESOURCE_EXHAUSTED, Stage.OFFER, "too many windows of this client are in flight");
        }
        try {
            slot.settle();
        } catch (RuntimeException e) {
            give(slot);
            throw e;
        }
        return slot;
    }

    /** Gives a slot back, with or without a lease on it. */
    void give(Slot slot) {
        free.add(slot);
        if (closed) {
            releaseFree();
        }
    }

    /** Revokes all leases and gives the memory back; slots that are taken follow when they are given. */
    void close() {
        closed = true;
        releaseFree();
    }

    private void releaseFree() {
        for (Slot slot = free.poll(); slot != null; slot = free.poll()) {
            slot.release();
        }
    }
}
