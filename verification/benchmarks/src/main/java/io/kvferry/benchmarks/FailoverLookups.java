package io.kvferry.benchmarks;

import io.kvferry.control.cluster.ClusterClient;
import io.kvferry.control.cluster.Lookup;
import io.kvferry.control.cluster.LookupAnswer;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Queue;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;

/**
 * Clients that look up, one after the other, what is held all the time; every answer must name it.
 *
 * <p>Threads: one thread for each client.
 */
final class FailoverLookups implements AutoCloseable {
    /** How long a server of completions would wait before it computes by itself. */
    private static final Duration PATIENCE = Duration.ofSeconds(1);

    private static final int MAX_KEPT = 100_000;
    private static final int EXAMPLES = 3;

    private final List<Lookup> lookups;
    private final ExecutorService threads;
    private final AtomicReference<Period> period = new AtomicReference<>(new Period());
    private volatile boolean closed;

    private FailoverLookups(List<Lookup> lookups) {
        this.lookups = lookups;
        this.threads = Executors.newCachedThreadPool();
    }

    /** What happened from one moment to another. */
    static final class Period {
        private final long start = Ticker.system().nanos();
        private final LongAdder answered = new LongAdder();
        private final LongAdder failed = new LongAdder();
        private final Queue<Failure> kept = new ConcurrentLinkedQueue<>();
        private volatile long end;

        private record Failure(long nanos, String why) {}

        private void failed(String why) {
            failed.increment();
            if (failed.sum() <= MAX_KEPT) {
                kept.add(new Failure(Ticker.system().nanos(), why));
            }
        }

        double perSecond() {
            return answered.sum() * 1e9 / (end - start);
        }

        long failures() {
            return failed.sum();
        }

        /** Those that ended later than a moment. */
        long failuresAfter(long nanos) {
            return kept.stream().filter(failure -> failure.nanos - nanos > 0).count();
        }

        /** When the last one ended, after a moment; 0 without one. */
        double lastFailureMillis(long nanos) {
            return kept.stream()
                            .mapToLong(failure -> failure.nanos - nanos)
                            .max()
                            .orElse(0)
                    / 1e6;
        }

        List<String> examples() {
            return kept.stream().limit(EXAMPLES).map(Failure::why).toList();
        }
    }

    static FailoverLookups start(FailoverNodes held, int clients, List<PeerAddress> controllers) {
        FailoverLookups started = new FailoverLookups(held.kept());
        for (int i = 0; i < clients; i++) {
            // not all ask the same one first
            List<PeerAddress> order = new ArrayList<>(controllers);
            Collections.rotate(order, i);
            SplittableRandom random = new SplittableRandom(i);
            started.threads.execute(() -> started.ask(order, random));
        }
        return started;
    }

    private void ask(List<PeerAddress> controllers, SplittableRandom random) {
        try (ClusterClient client =
                ClusterClient.builder().controllers(controllers).open()) {
            while (!closed) {
                Lookup lookup = lookups.get(random.nextInt(lookups.size()));
                Period now = period.get();
                try {
                    LookupAnswer answer = client.lookup(lookup, Deadline.after(PATIENCE));
                    if (answer.prefixChunks() == lookup.keys().size()
                            && !answer.holders().isEmpty()) {
                        now.answered.increment();
                    } else {
                        now.failed("a miss: " + answer);
                    }
                } catch (TransferException e) {
                    now.failed(e.getMessage());
                }
            }
        }
    }

    /** Ends a period and begins the next. */
    Period next() {
        Period ended = period.getAndSet(new Period());
        ended.end = Ticker.system().nanos();
        return ended;
    }

    @Override
    public void close() {
        closed = true;
        threads.close();
    }
}
