package io.kvferry.control.cluster;

import io.kvferry.spi.Deadline;
import java.util.ArrayDeque;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Events for one who listens. What it does not take in time is dropped, oldest first, and counted: a slow listener costs
 * nobody else anything.
 *
 * <p><b>Threads:</b> Thread-safe; {@link #take} blocks until its deadline.
 *
 * @since 0.1.0
 */
public final class EventSubscription implements AutoCloseable {
    private final Events events;
    private final int capacity;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    // all guarded by lock
    private final ArrayDeque<ControllerEvent> waiting = new ArrayDeque<>();
    private long dropped;
    private boolean closed;

    EventSubscription(Events events, int capacity) {
        this.events = events;
        this.capacity = capacity;
    }

    void offer(ControllerEvent event) {
        lock.lock();
        try {
            if (closed) {
                return;
            }
            if (waiting.size() >= capacity) {
                waiting.removeFirst();
                dropped++;
            }
            waiting.addLast(event);
            changed.signal();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Takes the next event.
     *
     * @param deadline until when to wait for one, on the machine's clock
     * @return the event, or nothing when the deadline passed, this thread was interrupted or the subscription was closed
     */
    public Optional<ControllerEvent> take(Deadline deadline) {
        lock.lock();
        try {
            while (waiting.isEmpty() && !closed) {
                long left = deadline.remainingNanos();
                if (left <= 0) {
                    return Optional.empty();
                }
                long ignored = changed.awaitNanos(Math.min(left, TimeUnit.SECONDS.toNanos(1)));
            }
            return Optional.ofNullable(waiting.pollFirst());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Optional.empty();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Returns how many events were dropped because they were not taken in time.
     *
     * @return since the subscription began
     */
    public long dropped() {
        lock.lock();
        try {
            return dropped;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Tells whether no event comes any more.
     *
     * @return true once it or the controller is closed
     */
    public boolean isClosed() {
        lock.lock();
        try {
            return closed;
        } finally {
            lock.unlock();
        }
    }

    /** Ends it. Idempotent; a waiting {@link #take} returns. */
    @Override
    public void close() {
        events.remove(this);
        lock.lock();
        try {
            closed = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }
}
