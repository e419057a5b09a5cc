package io.kvferry.engine;

import io.kvferry.spi.BlockRange;
import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/** Which blocks of a transfer have been submitted; each may be once. Thread-safe. */
final class RangeClaims {
    private final int size;
    private boolean whole;
    private @Nullable BitSet claimed;

    RangeClaims(int size) {
        this.size = size;
    }

    /** Claims all of a range, or nothing of it. */
    synchronized boolean claim(BlockRange range) {
        if (whole || range.end() > size) {
            return false;
        }
        BitSet known = claimed;
        if (known == null) {
            if (range.count() == size) {
                whole = true;
                return true;
            }
            known = new BitSet(size);
            claimed = known;
        }
        int next = known.nextSetBit(range.first());
        if (next >= 0 && next < range.end()) {
            return false;
        }
        known.set(range.first(), range.end());
        return true;
    }
}
