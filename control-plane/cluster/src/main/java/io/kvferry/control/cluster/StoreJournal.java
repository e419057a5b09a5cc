package io.kvferry.control.cluster;

import java.util.List;
import java.util.Map;

/**
 * What makes a store of one process durable. All calls come from the store's own thread, and may block it.
 */
interface StoreJournal {
    /** Every entry that was kept. */
    List<StoreEntry> entries();

    /** Every lease that was kept, with its time in nanoseconds. */
    Map<Long, Long> leases();

    void write(StoreEntry entry);

    void remove(String key);

    void writeLease(long lease, long ttlNanos);

    void removeLease(long lease);

    /** Makes what was written since the last call last. */
    void commit();

    void close();

    /** Keeps nothing. */
    enum None implements StoreJournal {
        INSTANCE;

        @Override
        public List<StoreEntry> entries() {
            return List.of();
        }

        @Override
        public Map<Long, Long> leases() {
            return Map.of();
        }

        @Override
        public void write(StoreEntry entry) {}

        @Override
        public void remove(String key) {}

        @Override
        public void writeLease(long lease, long ttlNanos) {}

        @Override
        public void removeLease(long lease) {}

        @Override
        public void commit() {}

        @Override
        public void close() {}
    }
}
