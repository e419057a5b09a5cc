package io.kvferry.engine;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Says by itself, once for each, which transfers of an engine stand still.
 *
 * <p><b>Life cycle:</b> looks from {@link #start} until {@link #close} or the end of the engine. <b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public final class StallWatch implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(StallWatch.class);

    private static final Duration SHORTEST = Duration.ofMillis(2);

    private final TransferEngine engine;
    private final Duration patience;
    private final Consumer<String> report;
    private final Object lock = new Object();
    // guarded by lock
    private Set<Key> told = Set.of();
    private Scheduler.@Nullable Scheduled next;
    private boolean closed;

    private record Key(TransferId id, int attempt) {}

    private StallWatch(TransferEngine engine, Duration patience, Consumer<String> report) {
        this.engine = engine;
        this.patience = patience;
        this.report = report;
    }

    /**
     * Starts to look, and logs a warning for each transfer that stands still.
     *
     * @param engine whose transfers
     * @param patience for how long nothing may move, at least 2 ms; looked at twice as often
     * @return closed before the engine
     * @throws IllegalArgumentException if there is less patience
     */
    public static StallWatch start(TransferEngine engine, Duration patience) {
        return start(engine, patience, line -> LOG.warn("nothing moves: {}", line));
    }

    /**
     * Starts to look, and tells somebody of each transfer that stands still.
     *
     * @param engine whose transfers
     * @param patience for how long nothing may move, at least 2 ms; looked at twice as often
     * @param report hears a line for each, once; called on the engine's timer thread, so it must not block
     * @return closed before the engine
     * @throws IllegalArgumentException if there is less patience
     */
    public static StallWatch start(TransferEngine engine, Duration patience, Consumer<String> report) {
        if (patience.compareTo(SHORTEST) < 0) {
            throw new IllegalArgumentException("patience " + patience + " is below " + SHORTEST);
        }
        StallWatch watch = new StallWatch(engine, patience, report);
        watch.schedule();
        return watch;
    }

    private void schedule() {
        synchronized (lock) {
            if (closed) {
                return;
            }
            try {
                next = engine.scheduler().schedule(Deadline.after(patience.dividedBy(2), engine.ticker()), this::look);
            } catch (TransferException closing) {
                closed = true;
            }
        }
    }

    private void look() {
        try {
            tellNew();
        } catch (RuntimeException e) {
            LOG.warn("what hears of stalled transfers failed; it will be told of the next ones", e);
        }
        schedule();
    }

    private void tellNew() {
        List<EngineStatus.Entry> stalled = engine.status().transfers().stream()
                .filter(entry -> entry.quietNanos() >= patience.toNanos())
                .toList();
        Set<Key> now = new HashSet<>();
        Set<Key> before;
        synchronized (lock) {
            before = told;
            stalled.forEach(entry -> now.add(key(entry)));
            told = now;
        }
        stalled.stream()
                .filter(entry -> !before.contains(key(entry)))
                .forEach(entry -> report.accept(entry.toString()));
    }

    private static Key key(EngineStatus.Entry entry) {
        return new Key(entry.id(), entry.attempt());
    }

    /** Looks no more. */
    @Override
    public void close() {
        synchronized (lock) {
            closed = true;
            if (next != null) {
                next.cancel();
            }
        }
    }
}
