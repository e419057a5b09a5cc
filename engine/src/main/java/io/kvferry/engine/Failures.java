package io.kvferry.engine;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;

/** Turns whatever went wrong into the one kind of exception, and waits for futures by deadline. */
final class Failures {
    private Failures() {}

    /** Finds the TransferException behind a failure; anything else is a bug in what was called. */
    static TransferException of(Throwable thrown, Stage stage) {
        Throwable cause = thrown;
        while ((cause instanceof CompletionException || cause instanceof ExecutionException)
                && cause.getCause() != null) {
            cause = cause.getCause();
        }
        if (cause instanceof TransferException known) {
            return known;
        }
        return new TransferException(TransferErrorCode.INTERNAL, stage, "unexpected " + cause, cause);
    }

    /**
     * Waits for a future until a deadline on the engine's clock, which then fails it with DEADLINE_EXCEEDED.
     *
     * @param what for the message: what did not come in time
     */
    static <T> T await(
            CompletableFuture<T> future, Deadline deadline, Scheduler scheduler, Stage stage, String what) {
        if (!future.isDone()) {
            Scheduler.Scheduled timer = scheduler.schedule(
                    deadline,
                    () -> future.completeExceptionally(new TransferException(
                            TransferErrorCode.DEADLINE_EXCEEDED, stage, what + " did not come in time")));
            try {
                return get(future, stage, what);
            } finally {
                timer.cancel();
            }
        }
        return get(future, stage, what);
    }

    private static <T> T get(CompletableFuture<T> future, Stage stage, String what) {
        try {
            return future.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new TransferException(
                    TransferErrorCode.CANCELLED, stage, "interrupted while waiting for " + what, e);
        } catch (ExecutionException e) {
            throw of(e, stage);
        }
    }

    /** Tells whether the target has said no, so that nothing of the attempt lives there. */
    static boolean isRefusal(TransferError error) {
        return error.side() == io.kvferry.spi.Side.TARGET
                && error.code().effect() == TransferErrorCode.Effect.NONE;
    }
}
