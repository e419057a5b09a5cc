package io.kvferry.node;

import java.util.concurrent.atomic.LongAdder;

/**
 * How often something took how long, in buckets from a millisecond to a minute.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class Histogram {
    private static final double[] SECONDS = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60};
    private static final double NANOS = 1e9;

    private final LongAdder[] buckets = new LongAdder[SECONDS.length + 1];
    private final LongAdder sumNanos = new LongAdder();

    Histogram() {
        for (int i = 0; i < buckets.length; i++) {
            buckets[i] = new LongAdder();
        }
    }

    void record(long nanos) {
        int bucket = 0;
        while (bucket < SECONDS.length && nanos > SECONDS[bucket] * NANOS) {
            bucket++;
        }
        buckets[bucket].increment();
        sumNanos.add(nanos);
    }

    /** Writes it in the text format of Prometheus; a bucket counts all that was not longer. */
    void writeTo(MetricsText text, String name, String help) {
        text.family(name, "histogram", help);
        long count = 0;
        for (int i = 0; i < SECONDS.length; i++) {
            count += buckets[i].sum();
            text.sample(name + "_bucket", "le=\"" + SECONDS[i] + "\"", count);
        }
        count += buckets[SECONDS.length].sum();
        text.sample(name + "_bucket", "le=\"+Inf\"", count);
        text.sample(name + "_sum", "", sumNanos.sum() / NANOS);
        text.sample(name + "_count", "", count);
    }
}
