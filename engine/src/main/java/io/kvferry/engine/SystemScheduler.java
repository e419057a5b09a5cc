package io.kvferry.engine;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Stage;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.Arrays;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs tasks on one thread of its own when their deadlines pass.
 *
 * <p>Nearly every deadline is cancelled long before it passes, so scheduling wakes the thread only for a deadline earlier
 * than the one it sleeps for: the JDK's executor would wake it for each transfer.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class SystemScheduler implements Scheduler, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(SystemScheduler.class);
    private static final long NEVER_NANOS = Long.MAX_VALUE / 4;

    private final Ticker ticker;
    private final Thread thread;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition earlier = lock.newCondition();

    // all guarded by lock: a binary heap by deadline, and when the thread will look again
    private @Nullable Task[] heap = new @Nullable Task[64];
    private int size;
    private long wakeAtNanos;
    private boolean closed;

    SystemScheduler(Ticker ticker, String threadName) {
        this.ticker = ticker;
        this.wakeAtNanos = ticker.nanos() + NEVER_NANOS;
        this.thread = Thread.ofPlatform().daemon().name(threadName).unstarted(this::run);
        thread.start();
    }

    @Override
    public Scheduled schedule(Deadline when, Runnable task) {
        Task scheduled = new Task(when.atNanos(), task);
        lock.lock();
        try {
            if (closed) {
                throw new TransferException(TransferErrorCode.SHUTTING_DOWN, Stage.CLOSE, "the engine is closed");
            }
            if (size == heap.length) {
                heap = Arrays.copyOf(heap, size * 2);
            }
            size++;
            siftUp(scheduled, size - 1);
            if (scheduled.atNanos - wakeAtNanos < 0) {
                wakeAtNanos = scheduled.atNanos;
                earlier.signal();
            }
        } finally {
            lock.unlock();
        }
        return scheduled;
    }

    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            earlier.signal();
        } finally {
            lock.unlock();
        }
    }

    /** Waits until the thread has ended. Returns whether it has. */
    boolean awaitEnd(Deadline deadline) {
        try {
            thread.join(java.time.Duration.ofNanos(Math.max(1, deadline.remainingNanos())));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return !thread.isAlive();
    }

    private void run() {
        for (Task due = next(); due != null; due = next()) {
            try {
                due.action.run();
            } catch (RuntimeException | Error e) {
                LOG.error("a timer's task failed; other timers go on", e);
            }
        }
    }

    private @Nullable Task next() {
        lock.lock();
        try {
            while (!closed) {
                long now = ticker.nanos();
                Task head = heap[0];
                if (head != null && head.atNanos - now <= 0) {
                    remove(head);
                    return head;
                }
                wakeAtNanos = head == null ? now + NEVER_NANOS : head.atNanos;
                awaitWake(wakeAtNanos - now);
            }
            return null;
        } finally {
            lock.unlock();
        }
    }

    @SuppressWarnings("WaitNotInLoop") // the caller loops, and looks at the clock each time
    private void awaitWake(long nanos) {
        try {
            long ignored = earlier.awaitNanos(nanos);
        } catch (InterruptedException e) {
            LOG.debug("the timer thread was interrupted; only close() ends it");
        }
    }

    private void remove(Task task) {
        int index = task.index;
        task.index = -1;
        size--;
        Task last = heap[size];
        heap[size] = null;
        if (last != null && last != task) {
            siftDown(last, index);
            if (heap[index] == last) {
                siftUp(last, index);
            }
        }
    }

    private void siftUp(Task task, int from) {
        int index = from;
        while (index > 0) {
            int parent = (index - 1) >>> 1;
            Task above = at(parent);
            if (above.atNanos - task.atNanos <= 0) {
                break;
            }
            place(above, index);
            index = parent;
        }
        place(task, index);
    }

    private void siftDown(Task task, int from) {
        int index = from;
        while (2 * index + 1 < size) {
            int child = 2 * index + 1;
            if (child + 1 < size && at(child + 1).atNanos - at(child).atNanos < 0) {
                child++;
            }
            if (task.atNanos - at(child).atNanos <= 0) {
                break;
            }
            place(at(child), index);
            index = child;
        }
        place(task, index);
    }

    private Task at(int index) {
        Task task = heap[index];
        if (task == null) {
            throw new IllegalStateException("hole in the timer heap at " + index);
        }
        return task;
    }

    private void place(Task task, int index) {
        heap[index] = task;
        task.index = index;
    }

    private final class Task implements Scheduled {
        private final long atNanos;
        private final Runnable action;
        /** Position in the heap, or -1; guarded by the scheduler's lock. */
        private int index;

        Task(long atNanos, Runnable action) {
            this.atNanos = atNanos;
            this.action = action;
        }

        @Override
        public boolean cancel() {
            lock.lock();
            try {
                if (index < 0) {
                    return false;
                }
                remove(this);
                return true;
            } finally {
                lock.unlock();
            }
        }
    }
}
