package io.kvferry.control.cluster;

import io.kvferry.control.grpc.PortCounters;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.LongAdder;

/** What a controller counts; the names in lower case with hyphens are part of its interfaces. */
enum Counter {
    /** Look-ups answered. */
    LOOKUPS,
    /** Chunks that look-ups asked for. Counted together with the chunks found (R19). */
    LOOKUP_CHUNKS_REQUESTED,
    /** Chunks of those that had a holder, from the first on without a gap. */
    LOOKUP_CHUNKS_FOUND,
    /** Look-ups that found nothing at all. */
    LOOKUP_MISSES,
    /** Sessions that nodes began. */
    SESSIONS,
    /** Keepalives of nodes. */
    KEEP_ALIVES,
    /** Nodes whose lease ended or that said goodbye. */
    NODES_GONE,
    /** Batches applied. */
    BATCHES,
    /** Batches of a node whose index is wrong, left out until its sync. */
    BATCHES_IGNORED,
    /** Batches that did not come in sequence. */
    SEQUENCE_GAPS,
    /** Batches and syncs after which the digests differed. */
    DIGEST_MISMATCHES,
    /** Syncs finished. */
    SYNCS,
    /** Chunks that came. */
    CHUNKS_ADMITTED,
    /** Chunks that left. */
    CHUNKS_EVICTED,
    /** Orders taken. */
    ORDERS,
    /** Results of orders, per node, that were not OK. */
    ORDER_FAILURES,
    /** Orders of controllers that are gone, taken over. */
    ORDERS_ADOPTED,
    /** Entries of the store that could not be decoded. */
    STORE_ENTRIES_IGNORED;

    private final String label = name().toLowerCase(Locale.ROOT).replace('_', '-');

    /**
     * One controller's counters.
     *
     * <p><b>Threads:</b> Thread-safe.
     */
    static final class Counters {
        private final Map<Counter, LongAdder> values = new EnumMap<>(Counter.class);
        private final PortCounters port = new PortCounters();

        Counters() {
            for (Counter counter : Counter.values()) {
                values.put(counter, new LongAdder());
            }
        }

        /** What goes wrong at the gRPC port. */
        PortCounters port() {
            return port;
        }

        void add(Counter counter, long amount) {
            LongAdder value = values.get(counter);
            if (value != null) {
                value.add(amount);
            }
        }

        void increment(Counter counter) {
            add(counter, 1);
        }

        Map<String, Long> snapshot() {
            Map<String, Long> snapshot = new TreeMap<>(port.snapshot());
            values.forEach((counter, value) -> snapshot.put(counter.label, value.sum()));
            return snapshot;
        }
    }
}
