package io.kvferry.control.lmcache;

import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;

/** What has happened at the sockets since they were opened. Thread-safe. */
final class LmCacheCounters {
    enum Name {
        FRAMES,
        MALFORMED_FRAMES,
        ERRORS_ANSWERED,
        UNKNOWN_WORKERS,
        SEQUENCE_GAPS,
        LOOKUPS,
        LOOKUP_HITS,
        HOLDERS_WITHOUT_URL,
        FULL_SYNCS,
        FAILED_FULL_SYNCS,
        SOCKETS_RECREATED
    }

    private final Map<Name, LongAdder> counts = new EnumMap<>(Name.class);

    private final Map<String, LongAdder> messages = new ConcurrentHashMap<>();

    LmCacheCounters() {
        for (Name name : Name.values()) {
            counts.put(name, new LongAdder());
        }
    }

    void count(Name name) {
        LongAdder adder = counts.get(name);
        if (adder != null) {
            adder.increment();
        }
    }

    /** Counts a message that came to a socket. */
    void message(String socket) {
        messages.computeIfAbsent(socket, _ -> new LongAdder()).increment();
    }

    /** Messages by socket. */
    Map<String, Long> messages() {
        Map<String, Long> snapshot = new java.util.TreeMap<>();
        messages.forEach((socket, count) -> snapshot.put(socket, count.sum()));
        return snapshot;
    }

    Map<String, Long> snapshot() {
        Map<String, Long> snapshot = new java.util.TreeMap<>();
        counts.forEach((name, count) -> snapshot.put(name.name().toLowerCase(java.util.Locale.ROOT), count.sum()));
        return Collections.unmodifiableMap(snapshot);
    }
}
