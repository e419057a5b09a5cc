package io.kvferry.backend.tcp;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Ticker;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** A clock and a scheduler: virtual, moved by hand, or the machine's. */
interface TestClock extends Ticker, Scheduler, AutoCloseable {
    @Override
    void close();

    static TestClock real() {
        return new Real();
    }

    static Virtual virtual() {
        return new Virtual();
    }

    /** The machine's. */
    final class Real implements TestClock {
        private final ScheduledThreadPoolExecutor executor = new ScheduledThreadPoolExecutor(1);

        private Real() {
            executor.setRemoveOnCancelPolicy(true);
        }

        @Override
        public long nanos() {
            return Ticker.system().nanos();
        }

        @Override
        public Scheduled schedule(Deadline when, Runnable task) {
            ScheduledFuture<?> future = executor.schedule(task, when.remainingNanos(), TimeUnit.NANOSECONDS);
            return () -> future.cancel(false);
        }

        @Override
        public void close() {
            executor.shutdownNow();
        }
    }

    /** Stands still until it is advanced; what becomes due runs on the thread that advances it. */
    final class Virtual implements TestClock {
        private final class Entry implements Scheduled {
            private final Deadline when;
            private final Runnable task;

            private Entry(Deadline when, Runnable task) {
                this.when = when;
                this.task = task;
            }

            @Override
            public boolean cancel() {
                synchronized (entries) {
                    return entries.remove(this);
                }
            }
        }

        private final List<Entry> entries = new ArrayList<>();
        private volatile long now = 1_000_000_000L;

        private Virtual() {}

        @Override
        public long nanos() {
            return now;
        }

        @Override
        public Scheduled schedule(Deadline when, Runnable task) {
            Entry entry = new Entry(when, task);
            synchronized (entries) {
                entries.add(entry);
            }
            return entry;
        }

        void advance(Duration duration) {
            now += duration.toNanos();
            while (true) {
                Entry due;
                synchronized (entries) {
                    due = entries.stream()
                            .filter(entry -> entry.when.isExpired())
                            .min(Comparator.comparingLong(entry -> entry.when.atNanos()))
                            .orElse(null);
                    entries.remove(due);
                }
                if (due == null) {
                    return;
                }
                due.task.run();
            }
        }

        @Override
        public void close() {}
    }
}
