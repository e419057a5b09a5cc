package io.kvferry.backend.mooncake;

import java.time.Duration;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one thread that drives a native engine. The library calls nobody back, so this asks it, less often the longer nothing
 * changes. Thread-safe.
 */
final class NativeThread {
    /** What there is to drive; called on the thread. */
    interface Work {
        /** Asks once. Returns true if something has moved. */
        boolean poll();

        /** Whether an answer is awaited. */
        boolean isWaiting();
    }

    private static final Logger LOG = LoggerFactory.getLogger(NativeThread.class);
    private static final long SHORTEST_PAUSE_NANOS = 5_000;
    /** How much longer than while something is in flight an idle engine is left alone; notifications wait for it. */
    private static final int IDLE_FACTOR = 20;

    private final Work work;
    private final long longestPauseNanos;
    private final Queue<Runnable> tasks = new ConcurrentLinkedQueue<>();
    private final CompletableFuture<Void> ended = new CompletableFuture<>();
    private final Thread thread;
    private volatile boolean stopping;

    NativeThread(Work work, Duration pollInterval) {
        this.work = work;
        this.longestPauseNanos = pollInterval.toNanos();
        this.thread =
                Thread.ofPlatform().name("kvferry-mooncake-native").daemon().unstarted(this::run);
    }

    void start() {
        thread.start();
    }

    /** Runs a task, after those that came before; never, once the thread has ended. */
    void execute(Runnable task) {
        tasks.add(task);
        LockSupport.unpark(thread);
    }

    /** Runs what is queued and ends. */
    CompletableFuture<Void> stop() {
        stopping = true;
        LockSupport.unpark(thread);
        return ended;
    }

    private void run() {
        long pause = SHORTEST_PAUSE_NANOS;
        try {
            while (!stopping || !tasks.isEmpty()) {
                if (turn()) {
                    pause = SHORTEST_PAUSE_NANOS;
                    continue;
                }
                LockSupport.parkNanos(this, work.isWaiting() ? pause : longestPauseNanos * IDLE_FACTOR);
                pause = Math.min(pause * 2, longestPauseNanos);
            }
        } finally {
            ended.complete(null);
        }
    }

    private boolean turn() {
        boolean worked = false;
        try {
            for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
                worked = true;
                task.run();
            }
            worked |= work.poll();
        } catch (RuntimeException | Error e) {
            // the thread serves every transfer: a bug in the handling of one must not end it
            LOG.error("a task of the native engine's thread failed", e);
        }
        return worked;
    }
}
