package io.kvferry.netty;

import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import java.util.ArrayList;
import java.util.List;

/**
 * Cuts what is submitted together into parts for several connections.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public final class Stripes {
    private Stripes() {}

    /**
     * Cuts a range into parts of about the same size; no block is cut.
     *
     * @param blocks the blocks
     * @param range what to cut
     * @param stripeBytes bytes that justify one more part
     * @param mostParts most parts, at least 1
     * @return at least one part, in order, together the range
     */
    public static List<BlockRange> cut(BlockList blocks, BlockRange range, long stripeBytes, int mostParts) {
        long bytes = blocks.bytes(range);
        int parts = Math.clamp(bytes / stripeBytes, 1, Math.min(mostParts, range.count()));
        List<BlockRange> cut = new ArrayList<>(parts);
        int first = range.first();
        for (int part = 1; part <= parts; part++) {
            int lastEnd = range.end() - (parts - part);
            int end = part == parts ? range.end() : endOfPart(blocks, first, lastEnd, bytes / parts);
            cut.add(new BlockRange(first, end - first));
            first = end;
        }
        return cut;
    }

    /** Where a part of about so many bytes ends: behind its first block, and not behind {@code lastEnd}. */
    private static int endOfPart(BlockList blocks, int first, int lastEnd, long bytes) {
        int end = first + 1;
        long taken = blocks.length(first);
        while (end < lastEnd && taken + blocks.length(end) <= bytes) {
            taken += blocks.length(end);
            end++;
        }
        return end;
    }
}
