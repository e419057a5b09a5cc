package io.kvferry.benchmarks;

import java.io.IOException;

/** One program that can be run again and again. */
@FunctionalInterface
interface Measurement {
    /** Runs it once, in bounded time; fails if it did not measure what it should have. */
    Sample run() throws IOException;

    /** Ends what was kept running for the next time. */
    default void end() throws IOException {}
}
