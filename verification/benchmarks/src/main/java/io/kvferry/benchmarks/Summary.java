package io.kvferry.benchmarks;

import java.util.Locale;
import java.util.stream.DoubleStream;

/**
 * The middle and the ends of repeated measurements. All are NaN if there are none.
 *
 * @param median half of them are not above it
 * @param min smallest
 * @param max largest
 */
record Summary(double median, double min, double max) {
    static Summary of(DoubleStream values) {
        double[] sorted = values.sorted().toArray();
        int count = sorted.length;
        if (count == 0) {
            return new Summary(Double.NaN, Double.NaN, Double.NaN);
        }
        double median = (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
        return new Summary(median, sorted[0], sorted[count - 1]);
    }

    @Override
    public String toString() {
        return Double.isNaN(median) ? "-" : digits(median) + " [" + digits(min) + ".." + digits(max) + "]";
    }

    /** Three digits that count. */
    static String digits(double value) {
        if (Double.isNaN(value)) {
            return "-";
        }
        int decimals = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3;
        return String.format(Locale.ROOT, "%." + decimals + "f", value);
    }
}
