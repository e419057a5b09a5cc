package io.kvferry.backend.nccl;

import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import java.util.ArrayList;
import java.util.List;

/** Cuts what is submitted into parts that are agreed one by one. */
final class PartCutter {
    private PartCutter() {}

    static List<BlockRange> cut(BlockList blocks, BlockRange range, int maxBlocks, long maxBytes) {
        List<BlockRange> parts = new ArrayList<>();
        int first = range.first();
        long bytes = 0;
        for (int i = range.first(); i < range.end(); i++) {
            boolean full = i - first == maxBlocks || (i > first && blocks.length(i) > maxBytes - bytes);
            if (full) {
                parts.add(new BlockRange(first, i - first));
                first = i;
                bytes = 0;
            }
            bytes += blocks.length(i);
        }
        parts.add(new BlockRange(first, range.end() - first));
        return parts;
    }
}
