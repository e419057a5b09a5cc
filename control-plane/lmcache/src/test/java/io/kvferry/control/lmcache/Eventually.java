package io.kvferry.control.lmcache;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.spi.Deadline;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** Waits for what is seen a little later: a PUSH has no answer. */
final class Eventually {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final long POLL_NANOS = 2_000_000;

    private Eventually() {}

    static void eventually(BooleanSupplier condition) {
        Deadline deadline = Deadline.after(PATIENCE);
        while (!condition.getAsBoolean()) {
            assertThat(deadline.isExpired()).as("it happened in time").isFalse();
            LockSupport.parkNanos(POLL_NANOS); // others need the processor to make it happen
        }
    }
}
