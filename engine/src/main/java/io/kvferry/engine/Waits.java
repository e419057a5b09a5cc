package io.kvferry.engine;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Stage;
import io.kvferry.spi.Ticker;
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
    private final Ticker ticker;
    private final Scheduler scheduler;
    /** Callers that want an answer: released when closing begins. */
    private final Set<Caller> asking = ConcurrentHashMap.newKeySet();
    /** Callers that watch an event: released when closing ends. */
    private final Set<Watcher> watching = ConcurrentHashMap.newKeySet();

    private volatile @Nullable TransferException closing;
    private volatile boolean closed;

    private static final class Caller {
        private final CompletableFuture<?> future;

        Caller(CompletableFuture<?> future) {
            this.future = future;
        }
    }

    private static final class Watcher {
        private final CompletableFuture<Boolean> came = new CompletableFuture<>();
    }

    Waits(Ticker ticker, Scheduler scheduler) {
        this.ticker = ticker;
        this.scheduler = scheduler;
    }

    /** Refuses a deadline on another clock: the two cannot be compared (R3). */
    void checkClock(Deadline deadline) {
        if (!deadline.ticker().equals(ticker)) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.PREPARE,
                    "the deadline is on another clock than the engine; make it with the engine's ticker");
        }
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
        asking.add(caller);
        Scheduler.Scheduled timer = null;
        try {
            TransferException reason = closing;
            if (reason != null) {
                future.completeExceptionally(reason);
            }
            timer = scheduler.schedule(
                    deadline,
                    () -> future.completeExceptionally(new TransferException(
                            TransferErrorCode.DEADLINE_EXCEEDED, stage, what + from + " did not come in time")));
            return get(future, stage, what);
        } finally {
            asking.remove(caller);
            if (timer != null) {
                timer.cancel();
            }
        }
    }

    /** Waits for a future that something else ends by its deadline. */
    private static <T> T get(CompletableFuture<T> future, Stage stage, String what) {
        try {
            return future.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new TransferException(TransferErrorCode.CANCELLED, stage, "interrupted while waiting for " + what, e);
        } catch (ExecutionException e) {
            throw Failures.of(e, stage);
        }
    }

    /** Waits for an event that others may wait for too. Returns whether it came in time. */
    boolean until(CompletableFuture<?> event, Deadline deadline, Stage stage) {
        if (event.isDone()) {
            return true;
        }
        checkClock(deadline);
        Watcher watcher = new Watcher();
        var ignored = event.whenComplete((value, failure) -> watcher.came.complete(true));
        watching.add(watcher);
        Scheduler.Scheduled timer = null;
        try {
            if (closed) {
                return event.isDone();
            }
            timer = scheduler.schedule(deadline, () -> watcher.came.complete(false));
            return get(watcher.came, stage, "an event");
        } finally {
            watching.remove(watcher);
            if (timer != null) {
                timer.cancel();
            }
        }
    }

    /** Releases every caller that wants an answer, and every one to come. */
    void beginClose(TransferException reason) {
        closing = reason;
        asking.forEach(caller -> caller.future.completeExceptionally(reason));
    }

    /** Releases every caller that watches: no timer will. */
    void endClose() {
        closed = true;
        watching.forEach(watcher -> watcher.came.complete(false));
    }
}
