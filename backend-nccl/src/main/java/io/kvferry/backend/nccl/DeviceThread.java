package io.kvferry.backend.nccl;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TimedWait;
import io.kvferry.spi.TransferException;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one platform thread that owns every NCCL call of a device, and all state that hangs on them. Others hand it work, which
 * is bounded where it is made: by windows, inboxes and the queue of parts. Thread-safe.
 */
final class DeviceThread {
    private static final Logger LOG = LoggerFactory.getLogger(DeviceThread.class);
    private static final long FIRST_NAP_NANOS = 5_000;
    private static final long LONGEST_NAP_NANOS = 200_000;
    /** Looks at the GPU before the first nap: a short transfer is over by then. */
    private static final int SPINS = 100;

    /** What a look at the GPU found. */
    enum Progress {
        /** Nothing is under way. */
        IDLE,
        /** Something is, and has not moved since. */
        WAITING,
        /** Something has moved. */
        MOVED
    }

    private final Queue<Runnable> work = new ConcurrentLinkedQueue<>();
    private final CompletableFuture<Void> ended = new CompletableFuture<>();
    private final Runnable setUp;
    private final Supplier<Progress> poll;
    private final Thread thread;
    private volatile boolean stopping;

    /**
     * @param setUp runs first on the thread; what it throws is what {@link #start} answers
     * @param poll looks whether anything has moved
     */
    DeviceThread(String name, Runnable setUp, Supplier<Progress> poll) {
        this.setUp = setUp;
        this.poll = poll;
        this.thread = Thread.ofPlatform().daemon().name(name).unstarted(this::run);
    }

    /** Starts the thread, and completes when it is set up. */
    CompletableFuture<Void> start() {
        CompletableFuture<Void> ready = call(() -> {
            setUp.run();
            return null;
        });
        thread.start();
        return ready;
    }

    /** Runs a task on the thread, after those that came before. Does not block. */
    void execute(Runnable task) {
        work.add(task);
        LockSupport.unpark(thread);
    }

    /** Runs a task on the thread and answers what it returns or throws. */
    <T> CompletableFuture<T> call(Supplier<T> task) {
        CompletableFuture<T> answer = new CompletableFuture<>();
        execute(() -> {
            try {
                answer.complete(task.get());
            } catch (RuntimeException | Error e) {
                answer.completeExceptionally(e);
            }
        });
        return answer;
    }

    private void run() {
        try {
            long nap = 0;
            int idleLooks = 0;
            while (!stopping || !work.isEmpty()) {
                boolean worked = runTasks();
                Progress progress = look();
                if (worked || progress == Progress.MOVED) {
                    idleLooks = 0;
                    nap = FIRST_NAP_NANOS;
                } else if (progress == Progress.IDLE) {
                    parkUntilWork();
                } else if (idleLooks++ < SPINS) {
                    Thread.onSpinWait();
                } else {
                    LockSupport.parkNanos(this, nap);
                    nap = Math.min(nap * 2, LONGEST_NAP_NANOS);
                }
            }
        } finally {
            ended.complete(null);
        }
    }

    private void parkUntilWork() {
        if (work.isEmpty() && !stopping) {
            LockSupport.park(this);
        }
    }

    private boolean runTasks() {
        boolean worked = false;
        for (Runnable task = work.poll(); task != null; task = work.poll()) {
            worked = true;
            try {
                task.run();
            } catch (RuntimeException | Error e) {
                // one transfer's trouble must not end the thread that serves all
                LOG.error("a task of {} failed", thread.getName(), e);
            }
        }
        return worked;
    }

    private Progress look() {
        try {
            return poll.get();
        } catch (RuntimeException | Error e) {
            LOG.error("{} could not look at its connections", thread.getName(), e);
            return Progress.WAITING;
        }
    }

    /** Ends the thread once its work is done. Does not block. Idempotent. */
    void stop() {
        stopping = true;
        LockSupport.unpark(thread);
    }

    /** Waits for the end. Returns false if it still runs when the deadline passes. */
    boolean awaitEnd(Deadline deadline, Scheduler scheduler) {
        try {
            TimedWait.await(ended, deadline, scheduler, Stage.CLOSE, "ending " + this);
            return true;
        } catch (TransferException e) {
            return ended.isDone();
        }
    }

    @Override
    public String toString() {
        return thread.getName();
    }
}
