package io.kvferry.control.lmcache;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * Handles the messages of each worker in the order they came, of which some wait for the store, while nobody waits for another
 * worker's. Thread-safe.
 */
final class Turns {
    private static final int MAX_WAITING = 10_000;

    private final Executor executor;
    private final Map<WorkerId, Deque<Runnable>> waiting = new HashMap<>();

    Turns(Executor executor) {
        this.executor = executor;
    }

    /**
     * Runs a task after those of the same worker: at once on this thread where none is left, and otherwise on another one.
     *
     * @param mayWait whether the task may block, so that it runs on another thread in any case
     * @return false if too many tasks wait, or nothing is done any more; then it is dropped
     */
    boolean run(WorkerId worker, boolean mayWait, Runnable task) {
        synchronized (waiting) {
            Deque<Runnable> before = waiting.get(worker);
            if (before != null) {
                return before.size() < MAX_WAITING && before.add(task);
            }
            if (mayWait) {
                if (waiting.size() >= MAX_WAITING) {
                    return false;
                }
                waiting.put(worker, new ArrayDeque<>());
            }
        }
        if (!mayWait) {
            task.run();
            return true;
        }
        try {
            executor.execute(() -> runAll(worker, task));
            return true;
        } catch (RejectedExecutionException closing) {
            return false;
        }
    }

    private void runAll(WorkerId worker, Runnable first) {
        for (Runnable task = first; task != null; task = next(worker)) {
            task.run();
        }
    }

    private @Nullable Runnable next(WorkerId worker) {
        synchronized (waiting) {
            Deque<Runnable> left = waiting.get(worker);
            Runnable task = left == null ? null : left.poll();
            if (task == null) {
                waiting.remove(worker);
            }
            return task;
        }
    }
}
