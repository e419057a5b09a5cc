package io.kvferry.spi;

/**
 * Runs tasks when their deadlines pass, on the same clock that the deadlines are on.
 *
 * <p><b>Threads:</b> Thread-safe. Tasks run one after the other on the scheduler's own thread, so a task MUST NOT block;
 * it hands longer work to another thread.
 *
 * @since 0.1.0
 */
public interface Scheduler {
    /**
     * Runs a task once, at or soon after a deadline; at once if it has passed. Does not block.
     *
     * @param when the deadline
     * @param task what to run
     * @return a handle that can cancel it
     * @throws TransferException SHUTTING_DOWN when the scheduler is closed
     */
    Scheduled schedule(Deadline when, Runnable task);

    /** A task that has been scheduled. Thread-safe. */
    interface Scheduled {
        /**
         * Cancels the task and forgets it, so that what it refers to can be collected. Does not wait for a task that runs
         * at this moment.
         *
         * @return true if the task will not run; false if it has started, has run or was cancelled before
         */
        boolean cancel();
    }
}
