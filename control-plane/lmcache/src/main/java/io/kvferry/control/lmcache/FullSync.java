package io.kvferry.control.lmcache;

import io.kvferry.spi.Deadline;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/** A worker tells all that one of its places holds; what changes meanwhile waits. Externally synchronized. */
final class FullSync {
    private final String id;
    private final String location;
    private final int batchCount;
    private final int maxKeys;
    private final Deadline until;
    private final BitSet batches = new BitSet();
    private final KeySet keys = new KeySet();
    private final List<KvOperation> waiting = new ArrayList<>();
    private boolean overflown;

    FullSync(String id, String location, int batchCount, int maxKeys, Deadline until) {
        this.id = id;
        this.location = location;
        this.batchCount = batchCount;
        this.maxKeys = maxKeys;
        this.until = until;
    }

    String id() {
        return id;
    }

    String location() {
        return location;
    }

    boolean isExpired() {
        return until.isExpired();
    }

    /** Adds a batch; one that came before changes nothing. */
    void add(long batch, long[] more) throws MalformedMessageException {
        if (batch < 0 || batch >= batchCount) {
            throw new MalformedMessageException("batch_id " + batch + " is not 0 to " + (batchCount - 1));
        }
        if (keys.size() + (long) more.length > maxKeys) {
            overflown = true;
            return;
        }
        batches.set((int) batch);
        for (long key : more) {
            boolean ignored = keys.add(key);
        }
    }

    /** Keeps an operation on the place until the sync has ended. */
    void addWaiting(List<KvOperation> operations) {
        if (waiting.size() + (long) operations.size() > maxKeys) {
            overflown = true;
        } else {
            waiting.addAll(operations);
        }
    }

    List<KvOperation> waiting() {
        return waiting;
    }

    KeySet keys() {
        return keys;
    }

    /** Why what was heard is not all, or an empty text. */
    String problem(long expectedKeys) {
        if (overflown) {
            return "more than kvferry.lmcache.max-keys=" + maxKeys + " chunks";
        }
        if (batches.cardinality() < batchCount) {
            return "batches " + missing() + " of " + batchCount + " did not come";
        }
        return keys.size() == expectedKeys
                ? ""
                : keys.size() + " different keys came, actual_total_keys says " + expectedKeys;
    }

    /** Batches that have not come, the first thousand. */
    List<Long> missing() {
        List<Long> missing = new ArrayList<>();
        for (int i = batches.nextClearBit(0);
                i < batchCount && missing.size() < 1000;
                i = batches.nextClearBit(i + 1)) {
            missing.add((long) i);
        }
        return missing;
    }
}
