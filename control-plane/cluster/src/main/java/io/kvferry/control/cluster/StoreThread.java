package io.kvferry.control.cluster;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes changes one after the other, one batch at a time, so that many writers share one commit of the journal; then tells
 * listeners and writers.
 *
 * <p><b>Threads:</b> Thread-safe. Changes and notices run on its thread; the queue to it is bounded.
 */
final class StoreThread {
    private static final Logger LOG = LoggerFactory.getLogger(StoreThread.class);
    private static final int MAX_WAITING = 65_536;
    private static final int MAX_BATCH = 1024;

    private final StoreJournal journal;
    private final Thread thread;
    private final BlockingQueue<Change<?>> waiting = new ArrayBlockingQueue<>(MAX_WAITING);
    /** Confined to the thread. */
    private final List<Runnable> notices = new ArrayList<>();

    private volatile boolean closed;
    private volatile boolean failed;

    /** Makes it; nothing runs before {@link #start}. The journal is closed with it. */
    StoreThread(StoreJournal journal) {
        this.journal = journal;
        this.thread = Thread.ofPlatform().daemon().name("kvferry-store").unstarted(this::run);
    }

    /** One change, until its caller has the outcome. */
    private record Change<T>(Supplier<T> work, CompletableFuture<T> outcome) {
        /** Makes the change. Returns what to do once it lasts. */
        Runnable make() {
            try {
                T result = work.get();
                return () -> outcome.complete(result);
            } catch (RuntimeException | Error e) {
                return () -> outcome.completeExceptionally(e);
            }
        }
    }

    void start() {
        thread.start();
    }

    boolean isAvailable() {
        return !closed && !failed;
    }

    /** Tells somebody once the change that is being made lasts. Called by changes only. */
    void tell(Runnable notice) {
        notices.add(notice);
    }

    /** Makes a change and waits until it lasts. */
    <T> T change(Deadline deadline, Supplier<T> work) {
        CompletableFuture<T> outcome = offer(work);
        try {
            return outcome.get(Math.max(0, deadline.remainingNanos()), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            throw error(TransferErrorCode.DEADLINE_EXCEEDED, "the store did not answer in time");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw error(TransferErrorCode.CANCELLED, "interrupted while waiting for the store");
        } catch (ExecutionException e) {
            if (e.getCause() instanceof TransferException refusal) {
                throw refusal;
            }
            throw new TransferException(
                    TransferErrorCode.CONTROL_FAILED,
                    Stage.REGISTER,
                    "the store failed: " + e.getCause(),
                    e.getCause());
        }
    }

    /** Makes a change some time soon. */
    <T> CompletableFuture<T> offer(Supplier<T> work) {
        Change<T> change = new Change<>(work, new CompletableFuture<>());
        if (closed) {
            change.outcome.completeExceptionally(error(TransferErrorCode.SHUTTING_DOWN, "the store is closed"));
        } else if (!waiting.offer(change)) {
            change.outcome.completeExceptionally(
                    error(TransferErrorCode.RESOURCE_EXHAUSTED, "changes that wait for the store=" + MAX_WAITING));
        }
        return change.outcome;
    }

    private void run() {
        List<Change<?>> batch = new ArrayList<>();
        while (!closed) {
            try {
                batch.add(waiting.take());
            } catch (InterruptedException e) {
                continue;
            }
            waiting.drainTo(batch, MAX_BATCH);
            makeAll(batch);
            batch.clear();
        }
        waiting.drainTo(batch);
        batch.forEach(change ->
                change.outcome.completeExceptionally(error(TransferErrorCode.SHUTTING_DOWN, "the store is closed")));
        journal.close();
    }

    /** Makes changes, makes them last, and only then tells anybody. */
    private void makeAll(List<Change<?>> batch) {
        List<Runnable> answers = new ArrayList<>(batch.size());
        batch.forEach(change -> answers.add(change.make()));
        try {
            journal.commit();
            failed = false;
        } catch (RuntimeException e) {
            failed = true;
            LOG.error("the store cannot be written; what changed is lost when this process ends", e);
            TransferException failure = new TransferException(
                    TransferErrorCode.CONTROL_FAILED, Stage.REGISTER, "the store cannot be written: " + e, e);
            answers.clear();
            batch.forEach(change -> answers.add(() -> change.outcome.completeExceptionally(failure)));
        }
        notices.forEach(StoreThread::run);
        notices.clear();
        answers.forEach(Runnable::run);
    }

    private static void run(Runnable notice) {
        try {
            notice.run();
        } catch (RuntimeException | Error e) {
            LOG.error("a listener of the store failed; others go on", e);
        }
    }

    void close(Deadline deadline) {
        closed = true;
        // wakes the thread; interrupting it could close the file under a write
        waiting.offer(new Change<>(() -> true, new CompletableFuture<>()));
        try {
            if (!thread.join(Duration.ofNanos(Math.max(1, deadline.remainingNanos())))) {
                LOG.warn("close() did not wait for the store's last write");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static TransferException error(TransferErrorCode code, String detail) {
        return new TransferException(code, Stage.REGISTER, detail);
    }
}
