package io.kvferry.spi;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * Counts the I/O that may touch one transfer's memory, and stops more from starting (R4, R6). What is in flight enters
 * before its first byte and leaves after its last; nothing enters a sealed gate. So a sealed gate with nobody inside is
 * the proof of quiescence.
 *
 * <p><b>Threads:</b> Thread-safe, lock-free.
 *
 * @since 0.1.0
 */
public final class MemoryGate {
    private static final int SEALED = 1 << 30;
    private static final int AWAITED = 1 << 29;
    private static final int INSIDE = AWAITED - 1;

    private final AtomicInteger state = new AtomicInteger();
    private final Runnable quiesced;

    /**
     * Makes an open gate with nobody inside.
     *
     * @param quiesced runs once, on the thread that leaves last, if {@link #finish} found somebody inside
     */
    public MemoryGate(Runnable quiesced) {
        this.quiesced = quiesced;
    }

    /**
     * Asks to touch the memory.
     *
     * @return true, to be followed by {@link #leave}; or false, and nothing may be touched, once the gate is sealed
     */
    public boolean enter() {
        int seen = state.get();
        while ((seen & SEALED) == 0) {
            int witness = state.compareAndExchange(seen, seen + 1);
            if (witness == seen) {
                return true;
            }
            seen = witness;
        }
        return false;
    }

    /** Says that one that entered does not touch the memory any more; once for each that did. May run the callback. */
    public void leave() {
        if (state.decrementAndGet() == (SEALED | AWAITED)) {
            quiesced.run();
        }
    }

    /** Lets nobody new in. Idempotent. */
    public void seal() {
        state.getAndUpdate(seen -> seen | SEALED);
    }

    /**
     * Tells whether anybody may still enter.
     *
     * @return true once sealed
     */
    public boolean isSealed() {
        return (state.get() & SEALED) != 0;
    }

    /**
     * Tells whether nobody is inside.
     *
     * @return true if so; final only when the gate is sealed
     */
    public boolean isEmpty() {
        return (state.get() & INSIDE) == 0;
    }

    /**
     * Seals, and tells whether anybody is inside; if so, the callback follows. Idempotent.
     *
     * @return QUIESCENT if nobody is inside
     */
    public Quiescence finish() {
        int before = state.getAndUpdate(seen -> (seen & INSIDE) == 0 ? seen | SEALED : seen | SEALED | AWAITED);
        return (before & INSIDE) == 0 ? Quiescence.QUIESCENT : Quiescence.QUARANTINED;
    }
}
