package io.kvferry.backend.tcp;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/** Waits for a future until a deadline on the engine's clock, which is not always the machine's. */
final class TimedWait {
    private TimedWait() {}

    /**
     * Blocks until the future is done.
     *
     * @throws TransferException what the future failed with; DEADLINE_EXCEEDED; CANCELLED when interrupted
     */
    static <T> T await(CompletableFuture<T> future, Deadline deadline, Scheduler scheduler, Stage stage, String what) {
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
