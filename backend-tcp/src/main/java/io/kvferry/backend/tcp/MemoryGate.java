package io.kvferry.backend.tcp;

import io.kvferry.spi.Quiescence;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Counts the I/O that may touch one transfer's memory, and stops more from starting. Thread-safe, lock-free.
 *
 * <p>Every frame enters before its first byte and leaves after its last; nothing enters a sealed gate. So a sealed gate
 * with nobody inside is the proof of quiescence.
 */
final class MemoryGate {
    private static final int SEALED = 1 << 30;
    private static final int AWAITED = 1 << 29;
    private static final int INSIDE = AWAITED - 1;

    private final AtomicInteger state = new AtomicInteger();
    private final Runnable quiesced;

    /** @param quiesced runs once, on the thread that leaves last, if {@link #finish} found somebody inside */
    MemoryGate(Runnable quiesced) {
        this.quiesced = quiesced;
    }

    boolean enter() {
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

    void leave() {
        if (state.decrementAndGet() == (SEALED | AWAITED)) {
            quiesced.run();
        }
    }

    void seal() {
        state.getAndUpdate(seen -> seen | SEALED);
    }

    boolean isSealed() {
        return (state.get() & SEALED) != 0;
    }

    boolean isEmpty() {
        return (state.get() & INSIDE) == 0;
    }

    /** Seals and tells whether anybody is inside; if so, the callback follows. Idempotent. */
    Quiescence finish() {
        int before = state.getAndUpdate(seen -> (seen & INSIDE) == 0 ? seen | SEALED : seen | SEALED | AWAITED);
        return (before & INSIDE) == 0 ? Quiescence.QUIESCENT : Quiescence.QUARANTINED;
    }
}
