package io.kvferry.backend.nccl;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/** Waits for a future until a deadline on the engine's clock, which is not always the machine's. */
final class Waiting {
    private Waiting() {}

    /**
     * Blocks until the future is done.
     *
     * @throws TransferException what the future failed with; DEADLINE_EXCEEDED; CANCELLED when interrupted
     */
    static <T> T get(CompletableFuture<T> future, Deadline deadline, Scheduler scheduler, Stage stage, String what) {
        CompletableFuture<T> bounded = future.copy();
        Scheduler.Scheduled timer = bounded.isDone()
                ? null
                : scheduler.schedule(
                        deadline,
                        () -> bounded.completeExceptionally(new TransferException(
                                TransferErrorCode.DEADLINE_EXCEEDED, stage, what + " took longer than the deadline")));
        try {
            return bounded.get();
        } catch (ExecutionException failed) {
            Throwable cause = failed.getCause();
            while (cause != null && !(cause instanceof TransferException) && cause.getCause() != null) {
                cause = cause.getCause();
            }
            throw cause instanceof TransferException known
                    ? new TransferException(known.error(), failed)
                    : new TransferException(TransferErrorCode.INTERNAL, stage, what + " failed: " + cause, failed);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new TransferException(
                    TransferErrorCode.CANCELLED, stage, "the thread was interrupted while " + what, interrupted);
        } finally {
            if (timer != null) {
                timer.cancel();
            }
        }
    }

    /** Blocks until the future is done, however, and tells whether it was in time. */
    static boolean isDone(CompletableFuture<Void> future, Deadline deadline, Scheduler scheduler, Stage stage) {
        if (future.isDone()) {
            return true;
        }
        try {
            get(future, deadline, scheduler, stage, "waiting");
        } catch (TransferException e) {
            return future.isDone();
        }
        return true;
    }
}
