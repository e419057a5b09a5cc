package io.kvferry.control.cluster;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs tasks on one thread when deadlines of the machine's clock pass, for a process that has no engine whose scheduler it
 * could use.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class TimerThread implements Scheduler, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(TimerThread.class);

    private final ScheduledThreadPoolExecutor executor;

    TimerThread(String name) {
        executor = new ScheduledThreadPoolExecutor(
                1, Thread.ofPlatform().daemon().name(name).factory());
        executor.setRemoveOnCancelPolicy(true);
    }

    @Override
    public Scheduled schedule(Deadline when, Runnable task) {
        try {
            ScheduledFuture<?> future =
                    executor.schedule(() -> run(task), Math.max(0, when.remainingNanos()), TimeUnit.NANOSECONDS);
            return () -> future.cancel(false);
        } catch (RejectedExecutionException e) {
            throw new TransferException(TransferErrorCode.SHUTTING_DOWN, Stage.CLOSE, "the timer is closed", e);
        }
    }

    private static void run(Runnable task) {
        try {
            task.run();
        } catch (RuntimeException | Error e) {
            LOG.error("a timer's task failed; other timers go on", e);
        }
    }

    @Override
    public void close() {
        executor.shutdownNow();
    }
}
