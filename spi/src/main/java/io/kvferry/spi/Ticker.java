package io.kvferry.spi;

/**
 * The one monotonic clock that all time is read through (R3).
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
@FunctionalInterface
public interface Ticker {
    /**
     * Reads the clock. Only differences between two readings of the same ticker mean anything.
     *
     * @return nanoseconds since an arbitrary origin, never going back
     */
    long nanos();

    /**
     * Returns the clock of this machine.
     *
     * @return the ticker over {@link System#nanoTime()}
     */
    static Ticker system() {
        return SystemTicker.INSTANCE;
    }
}
