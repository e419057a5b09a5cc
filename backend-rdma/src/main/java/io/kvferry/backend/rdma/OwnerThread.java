package io.kvferry.backend.rdma;

import io.kvferry.backend.rdma.adapter.RdmaAdapter;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one thread that drives an adapter. Others hand it tasks; the order in a turn is progress, completions, then tasks, so
 * that what has completed is known before anything that was asked for later. Thread-safe.
 */
final class OwnerThread {
    private static final Logger LOG = LoggerFactory.getLogger(OwnerThread.class);
    /** A wake-up that a library lost costs no more than this. */
    private static final long LONGEST_SLEEP_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

    private final RdmaAdapter adapter;
    private final int spinTurns;
    private final Thread thread;
    private final Queue<Runnable> tasks = new ConcurrentLinkedQueue<>();
    private final AtomicBoolean asleep = new AtomicBoolean();
    private final CompletableFuture<Void> ended = new CompletableFuture<>();
    private volatile boolean stopping;

    OwnerThread(RdmaAdapter adapter, int spinTurns, String name) {
        this.adapter = adapter;
        this.spinTurns = spinTurns;
        this.thread = Thread.ofPlatform().daemon().name(name).unstarted(this::run);
    }

    void start() {
        thread.start();
    }

    /** Ends the thread after the tasks that are queued. The future completes when it has ended. */
    CompletableFuture<Void> stop() {
        stopping = true;
        wake();
        return ended;
    }

    /** Runs a task on the thread, soon; never once it has ended. Tasks are few: each is bounded by what asks for it. */
    void execute(Runnable task) {
        tasks.add(task);
        wake();
    }

    boolean isCurrent() {
        return Thread.currentThread().equals(thread);
    }

    private void wake() {
        if (asleep.compareAndSet(true, false)) {
            adapter.wake();
        }
    }

    private void run() {
        int idleTurns = 0;
        try {
            while (!stopping || !tasks.isEmpty()) {
                if (turn()) {
                    idleTurns = 0;
                } else if (idleTurns++ < spinTurns) {
                    Thread.onSpinWait();
                } else {
                    sleep();
                }
            }
        } finally {
            ended.complete(null);
        }
    }

    private boolean turn() {
        boolean worked = false;
        try {
            worked = adapter.progress();
            // what these tasks add comes behind the next progress
            for (int waiting = tasks.size(); waiting > 0; waiting--) {
                Runnable task = tasks.poll();
                if (task == null) {
                    break;
                }
                worked = true;
                task.run();
            }
        } catch (RuntimeException | Error e) {
            // the thread serves every transfer: a bug in the handling of one must not end it
            LOG.error("a task of the RDMA owner thread failed", e);
        }
        return worked;
    }

    private void sleep() {
        asleep.set(true);
        if (tasks.isEmpty() && !stopping) {
            adapter.await(LONGEST_SLEEP_NANOS);
        }
        asleep.set(false);
    }
}
