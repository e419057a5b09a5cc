package io.kvferry.backend.nccl;

import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one platform thread that owns every NCCL call for a device, and all state that hangs on them. Others hand it work, which is
 * bounded where it is made: by windows, inboxes and the queue of parts. Thread-safe; {@link DeviceThreads} starts and ends it.
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
    private final List<Supplier<Progress>> polls = new CopyOnWriteArrayList<>();
    private final CompletableFuture<Void> ready;
    private final CompletableFuture<Void> ended = new CompletableFuture<>();
    private final Thread thread;
    private volatile boolean stopping;

    /** @param setUp runs first on the thread; what it throws is what {@link #ready} answers */
    DeviceThread(String name, Runnable setUp) {
        thread = Thread.ofPlatform().daemon().name(name).unstarted(this::run);
        ready = call(() -> {
            setUp.run();
            return null;
        });
        thread.start();
    }

    /** Completes when the thread is set up. */
    CompletableFuture<Void> ready() {
        return ready;
    }

    /** Looks from now on whether anything there has moved. */
    void add(Supplier<Progress> poll) {
        polls.add(poll);
    }

    /** Looks there no more; returns whether nobody is left to look at. */
    boolean remove(Supplier<Progress> poll) {
        polls.remove(poll);
        return polls.isEmpty();
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
        Progress most = Progress.IDLE;
        for (Supplier<Progress> poll : polls) {
            Progress one = look(poll);
            most = one.compareTo(most) > 0 ? one : most;
        }
        return most;
    }

    private Progress look(Supplier<Progress> poll) {
        try {
            return poll.get();
        } catch (RuntimeException | Error e) {
            LOG.error("{} could not look at its connections", thread.getName(), e);
            return Progress.WAITING;
        }
    }

    /** Ends the thread once its work is done, and completes then. Does not block. Idempotent. */
    CompletableFuture<Void> stop() {
        stopping = true;
        LockSupport.unpark(thread);
        return ended;
    }

    @Override
    public String toString() {
        return thread.getName();
    }
}
