package io.kvferry.engine;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/** Waits for futures, by deadlines on the engine's own clock. */
final class Waits {
    private Waits() {}

    /**
     * Waits for a future until a deadline, which then fails it with DEADLINE_EXCEEDED.
     *
     * @param what for the message: what did not come in time
     * @param from for the message: from where; written only if it is needed
     */
    static <T> T get(
            CompletableFuture<T> future,
            Deadline deadline,
            Scheduler scheduler,
            Stage stage,
            String what,
            Object from) {
        if (future.isDone()) {
            return get(future, stage, what);
        }
        Scheduler.Scheduled timer = scheduler.schedule(
                deadline,
                () -> future.completeExceptionally(new TransferException(
                        TransferErrorCode.DEADLINE_EXCEEDED, stage, what + from + " did not come in time")));
        try {
            return get(future, stage, what);
        } finally {
            timer.cancel();
        }
    }

    /** Waits for a future that something else ends by its deadline. */
    static <T> T get(CompletableFuture<T> future, Stage stage, String what) {
        try {
            return future.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new TransferException(TransferErrorCode.CANCELLED, stage, "interrupted while waiting for " + what, e);
        } catch (ExecutionException e) {
            throw Failures.of(e, stage);
        }
    }

    /** Waits for a future that others may wait for too. Returns whether it completed in time. */
    static boolean until(CompletableFuture<?> future, Deadline deadline, Scheduler scheduler, Stage stage) {
        try {
            get(future.copy(), deadline, scheduler, stage, "the event", "");
            return true;
        } catch (TransferException e) {
            if (e.code() == TransferErrorCode.DEADLINE_EXCEEDED) {
                return false;
            }
            throw e;
        }
    }
}
