package io.kvferry.engine;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Ticker;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * The threads of one engine: a virtual one for each task, and one that runs things when deadlines pass.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class EngineThreads {
    private final ExecutorService executor = Executors.newThreadPerTaskExecutor(
            Thread.ofVirtual().name("kvferry-engine-", 0).factory());
    private final Scheduler scheduler;
    private final @Nullable SystemScheduler own;

    /** @param given runs things when deadlines pass and stays its owner's; null for a scheduler of the engine's own */
    EngineThreads(Ticker ticker, @Nullable Scheduler given) {
        if (given == null) {
            own = new SystemScheduler(ticker, "kvferry-timer");
            scheduler = own;
        } else {
            own = null;
            scheduler = given;
        }
    }

    Scheduler scheduler() {
        return scheduler;
    }

    /** Runs a task; one that comes after stop, such as a late proof of quiescence, runs where it came up. */
    void execute(Runnable task) {
        try {
            executor.execute(task);
        } catch (RejectedExecutionException e) {
            task.run();
        }
    }

    /** Lets tasks that run come to their end, and waits for the timer. */
    void stop(Deadline deadline) {
        executor.shutdown();
        if (own != null) {
            own.close();
            own.awaitEnd(deadline);
        }
    }
}
