package com.example.shm;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** The thread that copies, so that submit returns at once. Parts take turns: a small one does not wait for a large one. Thread-safe. */
final class Worker {
    private static final int BATCH = 64;
    private static final long JOIN_STEP_MILLIS = 5;

    /** An empty entry asks the thread to end. */
    private record Entry(@Nullable Part part) {}

    private final BlockingQueue<Entry> queue;
    /** One for each part from submit to its last turn, so that a part always finds its way back into the queue. */
    private final Semaphore places;

    private final int depth;
    private final long sliceBytes;
    private final Thread thread;
    private final AtomicBoolean stopped = new AtomicBoolean();

    Worker(String name, int depth, long sliceBytes) {
        this.queue = new ArrayBlockingQueue<>(depth + 1);
        this.places = new Semaphore(depth);
        this.depth = depth;
        this.sliceBytes = sliceBytes;
        this.thread = Thread.ofPlatform().daemon().name(name).start(this::run);
    }

    /** Queues a part, or refuses it before anything of it has started. */
    void submit(Part part) {
        if (stopped.get()) {
            throw new TransferException(TransferErrorCode.SHUTTING_DOWN, Stage.SUBMIT, "the backend is closed");
        }
        if (!places.tryAcquire()) {
            throw new TransferException(
                    TransferErrorCode.RESOURCE_EXHAUSTED,
                    Stage.SUBMIT,
                    "parts in the queue=" + depth + " = " + ShmConfigKeys.QUEUE_DEPTH
                            + "; submit larger parts or raise it");
        }
        queue.add(new Entry(part));
    }

    private void run() {
        CopyBatch batch = new CopyBatch(BATCH);
        for (Entry entry = take(); entry.part() != null; entry = take()) {
            if (entry.part().turn(batch, sliceBytes)) {
                queue.add(entry);
            } else {
                places.release();
            }
        }
    }

    private Entry take() {
        while (true) {
            try {
                return queue.take();
            } catch (InterruptedException e) {
                // nobody has a reason to interrupt this thread; stop() is how it ends
            }
        }
    }

    /** Takes nothing more, and lets the thread end behind the parts that wait. Does not block. Idempotent. */
    void stop() {
        if (!stopped.getAndSet(true)) {
            queue.add(new Entry(null));
        }
    }

    /** Waits for the thread's end. Returns false if it still runs when the deadline passes. */
    boolean awaitEnd(Deadline deadline) {
        while (thread.isAlive() && !deadline.isExpired()) {
            try {
                thread.join(JOIN_STEP_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                break;
            }
        }
        return !thread.isAlive();
    }
}
