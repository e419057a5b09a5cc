package io.kvferry.backend.rdma.adapter.posix;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;

/**
 * File descriptors that one thread waits for, and a way to wake it.
 *
 * <p><b>Threads:</b> confined to the waiting thread, except for {@link #wake}. <b>Ownership:</b> the descriptors are the
 * caller's; {@link #close} comes after the last wait.
 *
 * @since 0.1.0
 */
public final class WaitSet implements AutoCloseable {
    private static final int WAKE_UP = 0;
    private static final int FIRST_ROOM = 16;
    private static final long NANOS_A_MILLI = TimeUnit.MILLISECONDS.toNanos(1);

    private final int wakeUpFd = Posix.eventFd();

    /** Guards the descriptor that others write to against being closed, and then being another's, under them. */
    private final Object wakeLock = new Object();

    private boolean awake; // guarded by wakeLock
    private boolean closed; // guarded by wakeLock

    private Arena arena = Arena.ofShared();
    private MemorySegment pollfds = arena.allocate(FIRST_ROOM * Posix.POLLFD_BYTES, 8);
    private MemorySegment captured = arena.allocate(Posix.CAPTURED);
    private int count;

    /** Makes a set of nothing but what wakes it. */
    public WaitSet() {
        add(wakeUpFd);
    }

    /** Takes everything out that was added. */
    public void clear() {
        count = WAKE_UP + 1;
    }

    /**
     * Adds a descriptor.
     *
     * @param fd the descriptor
     * @return by which {@link #isReadable} knows it, until {@link #clear}
     */
    public int add(int fd) {
        if (count * Posix.POLLFD_BYTES == pollfds.byteSize()) {
            grow();
        }
        Posix.await(pollfds, count, fd);
        return count++;
    }

    private void grow() {
        Arena larger = Arena.ofShared();
        pollfds = larger.allocate(2 * pollfds.byteSize(), 8).copyFrom(pollfds);
        captured = larger.allocate(Posix.CAPTURED);
        arena.close();
        arena = larger;
    }

    /**
     * Waits until a descriptor is readable, {@link #wake} was called, or the time is over. May return early.
     *
     * @param maxNanos the longest wait, rounded up to a millisecond
     * @return false if the time is over and nothing happened
     */
    public boolean await(long maxNanos) {
        long millis = Math.clamp((maxNanos + NANOS_A_MILLI - 1) / NANOS_A_MILLI, 0, Integer.MAX_VALUE);
        boolean happened = Posix.poll(pollfds, count, (int) millis, captured);
        if (isReadable(WAKE_UP)) {
            synchronized (wakeLock) {
                awake = false;
                Posix.drain(wakeUpFd);
            }
        }
        return happened;
    }

    /**
     * Tells whether a descriptor was readable, or broken, when the last wait ended.
     *
     * @param index what {@link #add} returned
     * @return whether to look
     */
    public boolean isReadable(int index) {
        return Posix.isReadable(pollfds, index);
    }

    /** Ends the current or the next wait. Any thread; of no effect once closed. */
    public void wake() {
        synchronized (wakeLock) {
            if (!awake && !closed) {
                awake = true;
                Posix.signal(wakeUpFd);
            }
        }
    }

    /** Releases the set, not what was added to it. Idempotent. */
    @Override
    public void close() {
        synchronized (wakeLock) {
            if (closed) {
                return;
            }
            closed = true;
            Posix.close(wakeUpFd);
        }
        arena.close();
    }
}
