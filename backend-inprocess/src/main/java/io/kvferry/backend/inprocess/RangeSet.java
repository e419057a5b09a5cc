package io.kvferry.backend.inprocess;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.kvferry.spi.BlockRange;
import java.util.BitSet;

/** The blocks of which something has been said, so that a peer can say it only once. Thread-safe. */
final class RangeSet {
    private final Object lock = new Object();

    @GuardedBy("lock")
    private final BitSet blocks = new BitSet();

    /** Adds all, or nothing and returns false if one is in already. */
    boolean add(BlockRange range) {
        synchronized (lock) {
            int known = blocks.nextSetBit(range.first());
            if (known >= 0 && known < range.end()) {
                return false;
            }
            blocks.set(range.first(), range.end());
            return true;
        }
    }

    /** Removes all, or nothing and returns false if one is not in. */
    boolean remove(BlockRange range) {
        synchronized (lock) {
            if (blocks.nextClearBit(range.first()) < range.end()) {
                return false;
            }
            blocks.clear(range.first(), range.end());
            return true;
        }
    }
}
