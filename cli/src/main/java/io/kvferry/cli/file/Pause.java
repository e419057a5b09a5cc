package io.kvferry.cli.file;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** The wait between two tries, longer each time. */
final class Pause {
    private static final Duration FIRST = Duration.ofMillis(100);
    private static final Duration LONGEST = Duration.ofSeconds(5);

    private Pause() {}

    /** Waits after the try of this number, from 1, and not past the deadline. */
    static void before(int tries, Deadline deadline) {
        long nanos = Math.min(FIRST.toNanos() << Math.min(tries - 1, 10), LONGEST.toNanos());
        try {
            // nobody counts down: this returns when the time is up or the thread is interrupted
            boolean called =
                    new CountDownLatch(1).await(Math.min(nanos, deadline.remainingNanos()), TimeUnit.NANOSECONDS);
            if (called) {
                throw new IllegalStateException("nobody could have called");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new TransferException(TransferErrorCode.CANCELLED, Stage.TRANSFER, "interrupted", e);
        }
    }
}
