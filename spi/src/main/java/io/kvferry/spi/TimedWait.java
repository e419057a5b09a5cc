package io.kvferry.spi;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/**
 * Waits for a future until a deadline on the engine's clock, which is not always the machine's.
 *
 * <p><b>Threads:</b> Thread-safe; no thread that completes such futures may wait for one.
 *
 * @since 0.1.0
 */
public final class TimedWait {
    private TimedWait() {}

    /**
     * Blocks until the future is done.
     *
     * @param <T> what the future holds
     * @param future what is waited for; left as it is when the deadline passes
     * @param deadline until when
     * @param scheduler on the deadline's clock
     * @param stage for errors
     * @param what the doing, for errors: "closing connections"
     * @return what the future holds
     * @throws TransferException what the future failed with; DEADLINE_EXCEEDED; CANCELLED when interrupted
     */
    public static <T> T await(
            CompletableFuture<T> future, Deadline deadline, Scheduler scheduler, Stage stage, String what) {
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
            throw asTransferException(failed, stage, what);
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

    private static TransferException asTransferException(ExecutionException failed, Stage stage, String what) {
        Throwable cause = failed.getCause();
        while (cause != null && !(cause instanceof TransferException) && cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause instanceof TransferException known
                ? new TransferException(known.error(), failed)
                : new TransferException(TransferErrorCode.INTERNAL, stage, what + " failed: " + cause, failed);
    }
}
