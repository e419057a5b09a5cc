package io.kvferry.spi;

import java.security.SecureRandom;

/**
 * The secret that opens one lease: 128 random bits, bound to one life of that lease (R18). Whoever frames its own wire
 * carries it in the descriptor and compares it at the target.
 *
 * <p><b>Threads:</b> Immutable. Never logged: the bits are masked in {@code toString}, and {@code equals} is not for keys
 * that a peer showed, because it may return early.
 *
 * @param high 64 of the random bits
 * @param low the others
 * @param epoch the life of the lease, {@link TargetPlan#epoch()}
 * @since 0.1.0
 */
public record LeaseKey(long high, long low, long epoch) {
    private static final SecureRandom RANDOM = new SecureRandom();

    /**
     * Draws a new key.
     *
     * @param epoch the life of the lease that it opens
     * @return a key that nobody can guess
     */
    public static LeaseKey random(long epoch) {
        return new LeaseKey(RANDOM.nextLong(), RANDOM.nextLong(), epoch);
    }

    /**
     * Tells whether a peer showed this key's secret. Looks at all bits whatever differs, so that time tells nothing about
     * the key. The epoch is no secret and is compared apart, so that a late peer is told from a wrong one.
     *
     * @param shownHigh as shown
     * @param shownLow as shown
     * @return true if both are this key's
     */
    public boolean matches(long shownHigh, long shownLow) {
        return ((high ^ shownHigh) | (low ^ shownLow)) == 0;
    }

    @Override
    public String toString() {
        return "LeaseKey[****, epoch=" + epoch + "]";
    }
}
