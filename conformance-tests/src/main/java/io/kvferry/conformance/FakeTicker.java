package io.kvferry.conformance;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Ticker;
import java.time.Duration;
import java.util.PriorityQueue;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A clock that stands still until a test advances it, with a {@link FakeScheduler} on the same clock.
 *
 * <p>Advancing runs every task that becomes due, in the order of deadlines and of scheduling where those are equal, each
 * at the very reading it was scheduled for, on the thread that advances. A task scheduled for a time that has passed runs
 * at once on a thread of its own, as a real scheduler would, never inside the call that scheduled it.
 *
 * <p><b>Threads:</b> Thread-safe. Tasks run one after the other.
 *
 * @since 0.1.0
 */
public final class FakeTicker implements Ticker {
    // not zero, so that code that takes a reading for an age is found out
    private static final long ORIGIN_NANOS = 7_000_000_000_000L;

    private final Object lock = new Object();
    private final ReentrantLock running = new ReentrantLock();
    private final FakeScheduler scheduler = new FakeScheduler(this);
    // guarded by lock
    private final PriorityQueue<Task> tasks = new PriorityQueue<>();
    private long scheduledCount;

    private volatile long nowNanos = ORIGIN_NANOS;

    /** Makes a clock that stands still. */
    public FakeTicker() {}

    @Override
    public long nanos() {
        return nowNanos;
    }

    /**
     * Returns the scheduler on this clock.
     *
     * @return always the same scheduler
     */
    public FakeScheduler scheduler() {
        return scheduler;
    }

    /**
     * Makes a deadline on this clock.
     *
     * @param duration how far away
     * @return the deadline
     */
    public Deadline in(Duration duration) {
        return Deadline.after(duration, this);
    }

    /**
     * Moves the clock and runs what becomes due, tasks that those schedule included.
     *
     * @param duration how far; zero runs what is due already
     * @throws IllegalArgumentException if it is negative
     */
    public void advance(Duration duration) {
        if (duration.isNegative()) {
            throw new IllegalArgumentException("time does not go back: " + duration);
        }
        running.lock();
        try {
            long end = nowNanos + duration.toNanos();
            for (Task due = takeDue(end); due != null; due = takeDue(end)) {
                moveTo(due.atNanos);
                due.action.run();
            }
            moveTo(end);
        } finally {
            running.unlock();
        }
    }

    /**
     * Moves the clock to the next task and runs what becomes due there.
     *
     * @return false if nothing is scheduled
     */
    public boolean advanceToNext() {
        long next;
        synchronized (lock) {
            Task head = tasks.peek();
            if (head == null) {
                return false;
            }
            next = head.atNanos;
        }
        advance(Duration.ofNanos(Math.max(0, next - nowNanos)));
        return true;
    }

    /**
     * Returns how many tasks wait.
     *
     * @return tasks neither run nor cancelled
     */
    public int pendingTasks() {
        synchronized (lock) {
            return tasks.size();
        }
    }

    Scheduler.Scheduled schedule(Deadline when, Runnable action) {
        if (when.ticker() != this) {
            throw new IllegalArgumentException("a deadline of another clock was given to this clock's scheduler");
        }
        Task task;
        synchronized (lock) {
            task = new Task(when.atNanos(), scheduledCount++, action);
            tasks.add(task);
        }
        if (task.atNanos - nowNanos <= 0) {
            Thread.ofVirtual().name("fake-scheduler").start(() -> advance(Duration.ZERO));
        }
        return task;
    }

    private @Nullable Task takeDue(long endNanos) {
        synchronized (lock) {
            Task head = tasks.peek();
            return head == null || head.atNanos - endNanos > 0 ? null : tasks.poll();
        }
    }

    private void moveTo(long nanos) {
        if (nanos - nowNanos > 0) {
            nowNanos = nanos;
        }
    }

    private final class Task implements Scheduler.Scheduled, Comparable<Task> {
        private final long atNanos;
        private final long order;
        private final Runnable action;

        Task(long atNanos, long order, Runnable action) {
            this.atNanos = atNanos;
            this.order = order;
            this.action = action;
        }

        @Override
        public boolean cancel() {
            synchronized (lock) {
                return tasks.remove(this);
            }
        }

        @Override
        public int compareTo(Task other) {
            int byTime = Long.compare(atNanos - other.atNanos, 0);
            return byTime != 0 ? byTime : Long.compare(order, other.order);
        }

        @Override
        public boolean equals(Object other) {
            return this == other;
        }

        @Override
        public int hashCode() {
            return System.identityHashCode(this);
        }
    }
}
