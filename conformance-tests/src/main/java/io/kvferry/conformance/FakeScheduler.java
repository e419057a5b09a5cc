package io.kvferry.conformance;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;

/**
 * Runs tasks when a test advances its {@link FakeTicker}.
 *
 * <p><b>Threads:</b> Thread-safe. Tasks run one after the other, on the thread that advances the clock.
 *
 * @since 0.1.0
 */
public final class FakeScheduler implements Scheduler {
    private final FakeTicker ticker;

    FakeScheduler(FakeTicker ticker) {
        this.ticker = ticker;
    }

    /**
     * Runs a task once the clock reaches a deadline.
     *
     * @param when the deadline, on this scheduler's clock
     * @param task what to run
     * @return a handle that can cancel it
     * @throws IllegalArgumentException if the deadline is on another clock: it would never pass
     */
    @Override
    public Scheduled schedule(Deadline when, Runnable task) {
        return ticker.schedule(when, task);
    }
}
