package io.kvferry.engine;

import io.kvferry.spi.BlockRange;
import io.kvferry.spi.TransferId;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Calls one transfer's listeners, one call at a time, on the engine's executor.
 *
 * <p>Bounded by itself: ranges name each block once, and neighbours are merged.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class ListenerCalls {
    private static final Logger LOG = LoggerFactory.getLogger(ListenerCalls.class);

    private final TransferId id;
    private final List<TransferListener> listeners;
    private final Executor executor;

    private final Object lock = new Object();
    // guarded by lock
    private final ArrayDeque<BlockRange> ranges = new ArrayDeque<>();
    private @Nullable TransferReport report;
    private boolean running;
    private boolean over;

    private ListenerCalls(TransferId id, List<TransferListener> listeners, Executor executor) {
        this.id = id;
        this.listeners = listeners;
        this.executor = executor;
    }

    /** Returns null where nobody listens, which is the common case and costs nothing. */
    static @Nullable ListenerCalls of(
            TransferId id, List<TransferListener> engineWide, @Nullable TransferListener own, Executor executor) {
        if (own == null) {
            return engineWide.isEmpty() ? null : new ListenerCalls(id, engineWide, executor);
        }
        List<TransferListener> all = new ArrayList<>(engineWide);
        all.add(own);
        return new ListenerCalls(id, all, executor);
    }

    void applied(BlockRange range) {
        synchronized (lock) {
            if (over) {
                return;
            }
            BlockRange last = ranges.peekLast();
            if (last != null && last.end() == range.first()) {
                ranges.removeLast();
                ranges.addLast(new BlockRange(last.first(), last.count() + range.count()));
            } else {
                ranges.addLast(range);
            }
            if (running) {
                return;
            }
            running = true;
        }
        executor.execute(this::run);
    }

    void ended(TransferReport endReport) {
        synchronized (lock) {
            if (over) {
                return;
            }
            over = true;
            report = endReport;
            if (running) {
                return;
            }
            running = true;
        }
        executor.execute(this::run);
    }

    private void run() {
        while (true) {
            BlockRange range;
            TransferReport end = null;
            synchronized (lock) {
                range = ranges.pollFirst();
                if (range == null) {
                    end = report;
                    report = null;
                    if (end == null) {
                        running = false;
                        return;
                    }
                }
            }
            for (TransferListener listener : listeners) {
                call(listener, range, end);
            }
        }
    }

    private void call(TransferListener listener, @Nullable BlockRange range, @Nullable TransferReport end) {
        try {
            ListenerThread.run(() -> {
                if (range != null) {
                    listener.applied(id, range);
                } else if (end != null) {
                    listener.ended(end);
                }
            });
        } catch (RuntimeException | Error e) {
            LOG.warn("a listener of transfer {} failed; the transfer is not affected", id, e);
        }
    }
}
