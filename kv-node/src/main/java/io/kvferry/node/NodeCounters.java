package io.kvferry.node;

import org.jspecify.annotations.Nullable;

/**
 * What has happened at a node. All figures of one event are counted together, so hits and misses always add up to what was
 * requested (R19).
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class NodeCounters {
    private final Object lock = new Object();
    // guarded by lock
    private KvCounters now = KvCounters.NONE;

    private final Histogram fetchTime = new Histogram();
    private final Histogram storeTime = new Histogram();
    private final Histogram lookupTime = new Histogram();
    private final Histogram transferTime = new Histogram();

    void fetched(KvFetch.Figures figures, int failures, @Nullable Miss miss) {
        synchronized (lock) {
            now = now.plusFetch(figures, failures);
        }
        fetchTime.record(figures.totalNanos());
        if (figures.transfers() > 0) {
            transferTime.record(figures.transferNanos());
        }
        KvFetchEvent.emit(figures, failures, miss);
    }

    void lookedUp(KvLookup lookup, long nanos) {
        synchronized (lock) {
            now = now.plusLookup(lookup);
        }
        lookupTime.record(nanos);
    }

    void stored(PutResult result, long nanos) {
        synchronized (lock) {
            now = now.plusStore(result);
        }
        storeTime.record(nanos);
    }

    void lent(long bytes) {
        synchronized (lock) {
            now = now.plusMoved(0, bytes);
        }
    }

    void received(long bytes) {
        synchronized (lock) {
            now = now.plusMoved(bytes, 0);
        }
    }

    KvCounters now() {
        synchronized (lock) {
            return now;
        }
    }

    Histogram fetchTime() {
        return fetchTime;
    }

    Histogram storeTime() {
        return storeTime;
    }

    Histogram lookupTime() {
        return lookupTime;
    }

    Histogram transferTime() {
        return transferTime;
    }
}
