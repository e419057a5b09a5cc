package io.kvferry.control.etcd;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Runs tasks when their deadlines pass. */
final class WallScheduler implements Scheduler {
    @Override
    public Scheduled schedule(Deadline when, Runnable task) {
        CompletableFuture<Void> run = new CompletableFuture<>();
        CompletableFuture.delayedExecutor(Math.max(0, when.remainingNanos()), TimeUnit.NANOSECONDS)
                .execute(() -> {
                    if (run.complete(null)) {
                        task.run();
                    }
                });
        return () -> run.cancel(false);
    }
}
