package io.kvferry.control.grpc;

import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.LongAdder;

/**
 * What went wrong at a port, counted instead of fatal (R11).
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public final class PortCounters {
    /** What is counted. */
    public enum Kind {
        /** Requests, replies and frames that could not be decoded, or not at that point. */
        UNDECODABLE,
        /** Messages over the limit, refused unread. */
        OVERSIZED,
        /** Frames of a kind that this version does not know: a later one's. They are left out. */
        UNKNOWN_FRAMES,
        /** Calls that ended before their request was complete: over the limit, or given up. */
        INCOMPLETE_CALLS,
        /** Calls and streams refused because too many were under way. */
        REFUSED_CALLS,
        /** Connections refused because too many were open. */
        REFUSED_CONNECTIONS,
        /** Connections that ended without one call: port scans, HTTP clients, garbage. */
        USELESS_CONNECTIONS,
        /** Failures that were no refusals: bugs. */
        INTERNAL_ERRORS;

        private final String label = name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    private final Map<Kind, LongAdder> values = new EnumMap<>(Kind.class);

    /** Makes counters at zero. */
    public PortCounters() {
        for (Kind kind : Kind.values()) {
            values.put(kind, new LongAdder());
        }
    }

    /**
     * Counts one.
     *
     * @param kind of what
     */
    public void count(Kind kind) {
        LongAdder value = values.get(kind);
        if (value != null) {
            value.increment();
        }
    }

    /**
     * Reads a counter.
     *
     * @param kind which one
     * @return how many were counted
     */
    public long sum(Kind kind) {
        LongAdder value = values.get(kind);
        return value == null ? 0 : value.sum();
    }

    /**
     * Reads all counters.
     *
     * @return by name, in lower case with hyphens; ordered
     */
    public Map<String, Long> snapshot() {
        Map<String, Long> snapshot = new TreeMap<>();
        values.forEach((kind, value) -> snapshot.put(kind.label, value.sum()));
        return snapshot;
    }

    @Override
    public String toString() {
        return snapshot().toString();
    }
}
