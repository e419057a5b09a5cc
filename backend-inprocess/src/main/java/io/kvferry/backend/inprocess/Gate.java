package io.kvferry.backend.inprocess;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Quiescence;

/**
 * Guards one side's memory: lets one slice at a time through, none once sealed, and knows when the last has left.
 * Thread-safe; calls nobody.
 */
final class Gate {
    /** A deadline may be on a clock that stands still while this JVM's runs, so waits look at it again and again. */
    private static final long WAIT_STEP_MILLIS = 5;

    private final Object lock = new Object();

    @GuardedBy("lock")
    private boolean sealed;

    /** Someone was told QUARANTINED while a slice was inside. It is the last one, so this is never taken back. */
    @GuardedBy("lock")
    private boolean awaited;

    /** Written under the lock; status reads it without. */
    private volatile boolean busy;

    /** Lets a slice in. Returns false, and nothing may be touched, once the gate is sealed. */
    boolean enter() {
        synchronized (lock) {
            busy = !sealed;
            return busy;
        }
    }

    /** Lets the slice out. Returns true, hence once, if {@link #finish} was answered QUARANTINED before. */
    boolean leave() {
        synchronized (lock) {
            busy = false;
            lock.notifyAll();
            return awaited;
        }
    }

    /** Lets nothing new in. Returns true if nothing is inside either. */
    boolean seal() {
        synchronized (lock) {
            sealed = true;
            return !busy;
        }
    }

    /** Seals, and says whether the memory is quiescent already. */
    Quiescence finish() {
        synchronized (lock) {
            sealed = true;
            awaited |= busy;
            return busy ? Quiescence.QUARANTINED : Quiescence.QUIESCENT;
        }
    }

    /** Tells whether a slice is inside. Takes no lock. */
    boolean isBusy() {
        return busy;
    }

    /** Waits until nothing is inside. Returns false when the deadline passed, or the caller was interrupted, before. */
    boolean awaitQuiet(Deadline deadline) {
        synchronized (lock) {
            while (busy && !deadline.isExpired()) {
                try {
                    lock.wait(WAIT_STEP_MILLIS);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    return !busy;
                }
            }
            return !busy;
        }
    }
}
