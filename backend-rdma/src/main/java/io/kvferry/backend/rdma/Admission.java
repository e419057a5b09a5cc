package io.kvferry.backend.rdma;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicBoolean;

/** Who is let into a backend: nobody once it closes, nobody late, and no more transfers than have a place. Thread-safe. */
final class Admission {
    private final int maxTransfers;
    private final Semaphore places;
    private final AtomicBoolean closing = new AtomicBoolean();

    Admission(int maxTransfers) {
        this.maxTransfers = maxTransfers;
        this.places = new Semaphore(maxTransfers);
    }

    /** Lets nobody in any more. Returns false if that was so already. */
    boolean close() {
        return closing.compareAndSet(false, true);
    }

    void requireOpen(Stage stage) {
        if (closing.get()) {
            throw new TransferException(TransferErrorCode.SHUTTING_DOWN, stage, "the rdma backend is closed");
        }
    }

    void requireReady(Stage stage, Deadline deadline) {
        requireOpen(stage);
        if (deadline.isExpired()) {
            throw new TransferException(
                    TransferErrorCode.DEADLINE_EXCEEDED, stage, "the deadline had passed when the call came");
        }
    }

    /** Takes a transfer's place, to be given back with {@link #leave}. */
    void enter(Stage stage) {
        if (!places.tryAcquire()) {
            throw new TransferException(
                    TransferErrorCode.RESOURCE_EXHAUSTED,
                    stage,
                    "transfers=" + maxTransfers + " reaches kvferry.rdma.max-transfers=" + maxTransfers);
        }
    }

    void leave() {
        places.release();
    }
}
