package io.kvferry.cli.reuse;

import java.util.Arrays;
import java.util.List;

/** The middle and the tail of times. */
final class Timings {
    private Timings() {}

    static long median(List<Long> nanos) {
        return percentile(nanos, 0.5);
    }

    /** The time that this share of the samples did not exceed; zero without samples. */
    static long percentile(List<Long> nanos, double share) {
        long[] sorted = nanos.stream().mapToLong(Long::longValue).toArray();
        Arrays.sort(sorted);
        return sorted.length == 0
                ? 0
                : sorted[Math.clamp((long) Math.ceil(share * sorted.length) - 1, 0, sorted.length - 1)];
    }
}
