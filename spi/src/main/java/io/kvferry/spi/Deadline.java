package io.kvferry.spi;

import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.TimeUnit;

/**
 * A point on the local monotonic clock after which an operation is late.
 *
 * <p>Made once, where a request enters, and handed down. It never travels: what goes over the wire is the time that
 * remains.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @since 0.1.0
 */
public final class Deadline {
    /** The longest time that a deadline can be away (about 146 years, so that differences never overflow). */
    private static final long MAX_NANOS = Long.MAX_VALUE / 2;

    private final Ticker ticker;
    private final long atNanos;

    private Deadline(Ticker ticker, long atNanos) {
        this.ticker = ticker;
        this.atNanos = atNanos;
    }

    /**
     * Makes a deadline on the machine's clock.
     *
     * @param amount how far away; negative or zero has passed already
     * @param unit the unit of {@code amount}
     * @return the deadline
     */
    public static Deadline after(long amount, TimeUnit unit) {
        return afterNanos(unit.toNanos(amount), Ticker.system());
    }

    /**
     * Makes a deadline on the machine's clock.
     *
     * @param duration how far away
     * @return the deadline
     */
    public static Deadline after(Duration duration) {
        return after(duration, Ticker.system());
    }

    /**
     * Makes a deadline on the given clock.
     *
     * @param duration how far away
     * @param ticker the clock
     * @return the deadline
     */
    public static Deadline after(Duration duration, Ticker ticker) {
        long nanos;
        try {
            nanos = duration.toNanos();
        } catch (ArithmeticException tooLong) {
            nanos = duration.isNegative() ? -MAX_NANOS : MAX_NANOS;
        }
        return afterNanos(nanos, ticker);
    }

    /**
     * Makes a deadline on the given clock.
     *
     * @param nanos how far away, in nanoseconds
     * @param ticker the clock
     * @return the deadline
     */
    public static Deadline afterNanos(long nanos, Ticker ticker) {
        return atNanos(ticker.nanos() + Math.clamp(nanos, -MAX_NANOS, MAX_NANOS), ticker);
    }

    /**
     * Makes the deadline at a reading of a clock.
     *
     * @param atNanos the reading of {@code ticker} at which it passes
     * @param ticker the clock
     * @return the deadline
     */
    public static Deadline atNanos(long atNanos, Ticker ticker) {
        return new Deadline(Objects.requireNonNull(ticker, "ticker"), atNanos);
    }

    /**
     * Returns the clock this deadline is on.
     *
     * @return the ticker
     */
    public Ticker ticker() {
        return ticker;
    }

    /**
     * Returns the reading of {@link #ticker()} at which this deadline passes.
     *
     * @return nanoseconds on the ticker's scale
     */
    public long atNanos() {
        return atNanos;
    }

    /**
     * Returns the time left.
     *
     * @return nanoseconds until this deadline; zero or negative once it has passed
     */
    public long remainingNanos() {
        return atNanos - ticker.nanos();
    }

    /**
     * Tells whether this deadline has passed.
     *
     * @return true at and after the deadline
     */
    public boolean isExpired() {
        return remainingNanos() <= 0;
    }

    /**
     * Returns the earlier of two deadlines on the same clock.
     *
     * @param other the other deadline
     * @return this one or {@code other}, whichever passes first
     */
    public Deadline earlier(Deadline other) {
        return atNanos - other.atNanos <= 0 ? this : other;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Deadline that && that.atNanos == atNanos && that.ticker.equals(ticker);
    }

    @Override
    public int hashCode() {
        return Long.hashCode(atNanos);
    }

    @Override
    public String toString() {
        long remaining = remainingNanos();
        return remaining > 0 ? "in " + remaining / 1_000 + " µs" : -remaining / 1_000 + " µs ago";
    }
}
