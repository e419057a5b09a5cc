package io.kvferry.engine;

import io.kvferry.spi.BlockRange;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * How positions in a request's block list and in the matched list map, where the target leased only some of the blocks.
 * Immutable.
 */
final class Positions {
    /** Every block matched: positions are the same. */
    static final Positions SAME = new Positions(new int[0]);

    /** The request's position of each matched block, rising; empty where all matched. */
    private final int[] matchedInRequest;

    private Positions(int[] matchedInRequest) {
        this.matchedInRequest = matchedInRequest;
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

    int[] matchedInRequest() {
        return matchedInRequest.clone();
    }

    /** The matched blocks inside a range of the request, or null where there are none. */
    @Nullable
    BlockRange toMatched(BlockRange range) {
        if (matchedInRequest.length == 0) {
            return range;
        }
        int from = lowerBound(range.first());
        int to = lowerBound(range.end());
        return from == to ? null : new BlockRange(from, to - from);
    }

    private int lowerBound(int position) {
        int found = Arrays.binarySearch(matchedInRequest, position);
        return found >= 0 ? found : -found - 1;
    }

    /** The request's blocks behind a range of matched ones, as few ranges as possible. */
    void toRequest(BlockRange matched, Consumer<BlockRange> each) {
        if (matchedInRequest.length == 0) {
            each.accept(matched);
            return;
        }
        int start = matched.first();
        for (int i = matched.first(); i < matched.end(); i++) {
            if (i + 1 == matched.end() || matchedInRequest[i + 1] != matchedInRequest[i] + 1) {
                each.accept(new BlockRange(matchedInRequest[start], i + 1 - start));
                start = i + 1;
            }
        }
    }
}
