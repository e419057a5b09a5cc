package io.kvferry.conformance;

import java.util.Random;

/** The seed of one run, from {@code kvferry.conformance.seed} or fresh; printed by every failing test. */
final class Seed {
    static final String PROPERTY = "kvferry.conformance.seed";
    private static final long BASE = Long.getLong(PROPERTY, new Random().nextLong() >>> 16);

    private Seed() {}

    static long base() {
        return BASE;
    }

    /** The same random numbers for the same test in every run with this seed, whatever ran before it. */
    static Random random(String test) {
        return new Random(BASE * 31 + test.hashCode());
    }
}
