package io.kvferry.node;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;

/** Waits for something until a deadline on the engine's clock. */
final class TimedWait {
    private TimedWait() {}

    /** Returns whether it came, well or not, before the deadline. */
    static boolean until(CompletionStage<?> event, Deadline deadline, Scheduler scheduler) {
        CompletableFuture<Boolean> reached = new CompletableFuture<>();
        var ignored = event.whenComplete((value, failure) -> reached.complete(true));
        if (reached.isDone()) {
            return true;
        }
        Scheduler.Scheduled timer = scheduler.schedule(deadline, () -> reached.complete(false));
        try {
            return reached.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new TransferException(TransferErrorCode.CANCELLED, Stage.TRANSFER, "interrupted", e);
        } catch (ExecutionException e) {
            throw new IllegalStateException("it completes with a value only", e);
        } finally {
            timer.cancel();
        }
    }
}
