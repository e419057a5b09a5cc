package io.kvferry.conformance;

import io.kvferry.spi.Deadline;
import java.util.ArrayList;
import java.util.List;

/**
 * Holds things up until a test lets them pass; the test can wait until something has arrived.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public final class Gate {
    private final Object lock = new Object();
    // guarded by lock
    private final List<Runnable> held = new ArrayList<>();
    private boolean open;
    private int arrivals;

    /** Makes a closed gate. */
    public Gate() {}

    /**
     * Runs a step once the gate is open: at once on this thread if it is, else on the thread that opens it. Does not block.
     *
     * @param step what is held up
     */
    public void whenOpen(Runnable step) {
        synchronized (lock) {
            arrivals++;
            if (!open) {
                held.add(step);
                return;
            }
        }
        step.run();
    }

    /**
     * Blocks until the gate is open.
     *
     * @param deadline until when to wait
     * @return false if it is still closed at the deadline
     */
    public boolean pass(Deadline deadline) {
        synchronized (lock) {
            arrivals++;
            while (!open && !deadline.isExpired()) {
                try {
                    // wakes now and then because the deadline may be on a clock that a test moves
                    lock.wait(1);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    return false;
                }
            }
            return open;
        }
    }

    /** Opens the gate for good, and runs what it held, in order of arrival, on this thread. */
    public void open() {
        List<Runnable> steps;
        synchronized (lock) {
            open = true;
            steps = List.copyOf(held);
            held.clear();
            lock.notifyAll();
        }
        steps.forEach(Runnable::run);
    }

    /** Forgets what it holds, as a lost message is forgotten, and opens for what comes later. */
    public void discard() {
        synchronized (lock) {
            held.clear();
        }
        open();
    }

    /**
     * Returns how many have come to the gate so far.
     *
     * @return arrivals, those that have passed included
     */
    public int arrivals() {
        synchronized (lock) {
            return arrivals;
        }
    }

    /** Waits until something is at the gate. */
    public void awaitArrival() {
        awaitArrivals(1);
    }

    /**
     * Waits until several things have come.
     *
     * @param count how many
     */
    public void awaitArrivals(int count) {
        Await.until(() -> "arrival " + count + " at a gate, came " + arrivals(), () -> arrivals() >= count);
    }
}
