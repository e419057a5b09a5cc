package io.kvferry.cli.bench;

import java.util.Arrays;

/** Times of one step, kept one by one. Confined to a thread until they are read. */
final class Latencies {
    /** Enough for a p99; what comes later is only counted by the bandwidth. */
    private static final int MAX = 1 << 20;

    private long[] nanos = new long[1024];
    private int size;

    void add(long sample) {
        if (size == nanos.length) {
            if (size == MAX) {
                return;
            }
            nanos = Arrays.copyOf(nanos, size * 2);
        }
        nanos[size++] = sample;
    }

    void addAll(Latencies other) {
        for (int i = 0; i < other.size; i++) {
            add(other.nanos[i]);
        }
    }

    /** The time that this share of the samples did not exceed. */
    double micros(double share) {
        if (size == 0) {
            return 0;
        }
        Arrays.sort(nanos, 0, size);
        return nanos[Math.clamp((long) Math.ceil(share * size) - 1, 0, size - 1)] / 1e3;
    }
}
