package io.kvferry.spi;

import java.security.SecureRandom;
import java.util.HexFormat;

/**
 * The 128-bit name of a transfer, made once by whoever coordinates and carried by both sides.
 *
 * <p>It names, it does not authorise: access rests on the lease. <b>Threads:</b> Immutable.
 *
 * @param high the upper 64 bits
 * @param low the lower 64 bits
 * @since 0.1.0
 */
public record TransferId(long high, long low) {
    private static final SecureRandom RANDOM = new SecureRandom();

    /**
     * Makes a fresh id.
     *
     * @return 128 random bits
     */
    public static TransferId random() {
        return new TransferId(RANDOM.nextLong(), RANDOM.nextLong());
    }

    /**
     * Reads the form that {@link #toString()} writes.
     *
     * @param text 32 hexadecimal digits
     * @return the id
     * @throws IllegalArgumentException if {@code text} is anything else
     */
    public static TransferId parse(String text) {
        if (text.length() != 32) {
            throw new IllegalArgumentException("transfer id has 32 hexadecimal digits, got " + text.length());
        }
        return new TransferId(HexFormat.fromHexDigitsToLong(text, 0, 16), HexFormat.fromHexDigitsToLong(text, 16, 32));
    }

    @Override
    public String toString() {
        HexFormat hex = HexFormat.of();
        return hex.toHexDigits(high) + hex.toHexDigits(low);
    }
}
