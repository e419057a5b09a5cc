package io.kvferry.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Waits until somebody wants the process to stop, and holds the process back until it has cleaned up. */
final class StopSignal implements AutoCloseable {
    private static final Duration CLEAN_UP = Duration.ofSeconds(10);

    private final CountDownLatch asked = new CountDownLatch(1);
    private final CountDownLatch cleanedUp = new CountDownLatch(1);
    private final Thread hook = new Thread(this::signalled, "kvferry-stop");

    StopSignal(boolean untilStdinEnds) {
        Runtime.getRuntime().addShutdownHook(hook);
        if (untilStdinEnds) {
            Thread.ofPlatform().daemon().name("kvferry-stdin").start(() -> awaitEnd(System.in));
        }
    }

    private void awaitEnd(InputStream input) {
        try {
            input.transferTo(OutputStream.nullOutputStream());
        } catch (IOException e) {
            // as good as the end
        }
        asked.countDown();
    }

    private void signalled() {
        asked.countDown();
        try {
            if (!cleanedUp.await(CLEAN_UP.toNanos(), TimeUnit.NANOSECONDS)) {
                return;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Returns true once the process shall stop, false when this thread was interrupted. */
    boolean await() {
        try {
            asked.await();
            return true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    @Override
    public void close() {
        cleanedUp.countDown();
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // the process is stopping already
        }
    }
}
