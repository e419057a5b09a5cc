package io.kvferry.cli;

import java.util.Locale;

/** Writes amounts for people. */
final class Quantity {
    private static final String[] SIZES = {"B", "KiB", "MiB", "GiB", "TiB"};

    private Quantity() {}

    static String bytes(long bytes) {
        return amount((double) bytes);
    }

    static String perSecond(double bytesPerSecond) {
        return amount(bytesPerSecond) + "/s";
    }

    private static String amount(double bytes) {
        int unit = 0;
        double value = bytes;
        while (value >= 1024 && unit < SIZES.length - 1) {
            value /= 1024;
            unit++;
        }
        return format(value, unit == 0 || value == Math.rint(value) ? 0 : 1) + " " + SIZES[unit];
    }

    static String seconds(long nanos) {
        return format(nanos / 1e9, nanos < 10_000_000_000L ? 2 : 0) + " s";
    }

    static String millis(long nanos) {
        return format(nanos / 1e6, nanos < 100_000_000L ? 1 : 0) + " ms";
    }

    private static String format(double value, int decimals) {
        return String.format(Locale.ROOT, "%." + decimals + "f", value);
    }
}
