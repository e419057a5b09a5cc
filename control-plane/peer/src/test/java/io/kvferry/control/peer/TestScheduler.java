package io.kvferry.control.peer;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Ticker;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/** Runs tasks by the machine's clock, or when a test moves its own clock and calls {@link #runDue}. */
final class TestScheduler implements Scheduler, AutoCloseable {
    private final boolean real;
    private final ScheduledExecutorService executor = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().name("test-scheduler").daemon().factory());
    private final ConcurrentLinkedQueue<Task> tasks = new ConcurrentLinkedQueue<>();

    TestScheduler(Ticker ticker) {
        real = ticker == Ticker.system();
    }

    @Override
    public Scheduled schedule(Deadline when, Runnable task) {
        if (real) {
            ScheduledFuture<?> future = executor.schedule(task, when.remainingNanos(), TimeUnit.NANOSECONDS);
            return () -> future.cancel(false);
        }
        Task scheduled = new Task(when, task);
        tasks.add(scheduled);
        return () -> tasks.remove(scheduled);
    }

    void runDue() {
        List<Task> due = tasks.stream().filter(task -> task.when.isExpired()).toList();
        due.forEach(task -> {
            if (tasks.remove(task)) {
                task.run.run();
            }
        });
    }

    int waiting() {
        return tasks.size();
    }

    @Override
    public void close() {
        executor.shutdownNow();
    }

    private record Task(Deadline when, Runnable run) {}
}
