package io.kvferry.engine;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * Waits for futures, by deadlines on the engine's own clock, and no longer than the engine is open.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class Waits {
    private final Scheduler scheduler;
    /** Callers that each wait for a future of their own; closing fails those. */
    private final Set<Caller> parked = ConcurrentHashMap.newKeySet();

    private volatile @Nullable TransferException closed;

    private static final class Caller {
        private final CompletableFuture<?> future;

        Caller(CompletableFuture<?> future) {
            this.future = future;
        }
    }

    Waits(Scheduler scheduler) {
        this.scheduler = scheduler;
    }

    /**
     * Waits for a future that nobody else waits for until a deadline, which then fails it with DEADLINE_EXCEEDED.
     *
     * @param what for the message: what did not come in time
     * @param from for the message: from where; written only if it is needed
     */
    <T> T get(CompletableFuture<T> future, Deadline deadline, Stage stage, String what, Object from) {
        if (future.isDone()) {
            return get(future, stage, what);
        }
        Caller caller = new Caller(future);
        parked.add(caller);
        TransferException closing = closed;
        if (closing != null) {
            future.completeExceptionally(closing);
        }
        Scheduler.Scheduled timer = scheduler.schedule(
                deadline,
                () -> future.completeExceptionally(new TransferException(
                        TransferErrorCode.DEADLINE_EXCEEDED, stage, what + from + " did not come in time")));
        try {
            return get(future, stage, what);
        } finally {
            timer.cancel();
            parked.remove(caller);
        }
    }

    /** Waits for a future that something else ends by its deadline. */
    static <T> T get(CompletableFuture<T> future, Stage stage, String what) {
        try {
            return future.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new TransferException(
                    TransferErrorCode.CANCELLED, stage, "interrupted while waiting for " + what, e);
        } catch (ExecutionException e) {
            throw Failures.of(e, stage);
        }
    }

    /** Waits for an event that others may wait for too, closing or not. Returns whether it came in time. */
    boolean until(CompletableFuture<?> event, Deadline deadline, Stage stage) {
        CompletableFuture<Boolean> came = new CompletableFuture<>();
        var ignored = event.whenComplete((value, failure) -> came.complete(true));
        if (came.isDone()) {
            return true;
        }
        Scheduler.Scheduled timer = scheduler.schedule(deadline, () -> came.complete(false));
        try {
            return get(came, stage, "the event");
        } finally {
            timer.cancel();
        }
    }

    /** Releases every parked caller, and every one to come. */
    void close(TransferException reason) {
        closed = reason;
        parked.forEach(caller -> caller.future.completeExceptionally(reason));
    }
}
