package io.kvferry.engine;

import io.kvferry.spi.BlockRange;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * How positions in a matched list map to positions in the list it was taken from: a request of which not all blocks are
 * leased, or a lease that the initiator names in another order.
 *
 * <p><b>Threads:</b> Immutable.
 */
final class Positions {
    /** Both lists are the same. */
    static final Positions SAME = new Positions(new int[0]);

    /** The original position of each matched block; empty where they are the same. */
    private final int[] originals;

    private Positions(int[] originals) {
        this.originals = originals;
    }

    /** Takes the original position of each matched block; the array is not copied. */
    static Positions of(int[] originals) {
        return new Positions(originals);
    }

    /** Leaves out some positions of a request of {@code size} blocks. */
    static Positions without(List<Integer> unmatched, int size) {
        boolean[] out = new boolean[size];
        for (int position : unmatched) {
            out[position] = true;
        }
        int[] kept = new int[size];
        int count = 0;
        for (int i = 0; i < size; i++) {
            if (!out[i]) {
                kept[count++] = i;
            }
        }
        return new Positions(Arrays.copyOf(kept, count));
    }

    int[] originals() {
        return originals.clone();
    }

    /** The matched blocks inside an original range, or null where there are none; where originals rise. */
    @Nullable
    BlockRange toMatched(BlockRange range) {
        if (originals.length == 0) {
            return range;
        }
        int from = lowerBound(range.first());
        int to = lowerBound(range.end());
        return from == to ? null : new BlockRange(from, to - from);
    }

    private int lowerBound(int position) {
        int found = Arrays.binarySearch(originals, position);
        return found >= 0 ? found : -found - 1;
    }

    /** The original blocks behind a range of matched ones, as few ranges as possible. */
    void toOriginal(BlockRange matched, Consumer<BlockRange> each) {
        if (originals.length == 0) {
            each.accept(matched);
            return;
        }
        int start = matched.first();
        for (int i = matched.first(); i < matched.end(); i++) {
            if (i + 1 == matched.end() || originals[i + 1] != originals[i] + 1) {
                each.accept(new BlockRange(originals[start], i + 1 - start));
                start = i + 1;
            }
        }
    }
}
