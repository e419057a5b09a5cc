package io.kvferry.engine;

import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.MemoryHandle;
import io.kvferry.spi.MemoryKind;
import io.kvferry.spi.MemoryRegion;
import java.util.ArrayList;
import java.util.List;

/**
 * The blocks of one transfer as its backend sees them: those it can move as they are, the others in a piece of the pool. Copies
 * between the two. Immutable; copies of different blocks may run at the same time.
 */
final class StagedBlocks {
    private final BlockList own;
    private final BlockList seen;
    private final List<MemoryHandle> handles;
    private final StagingPool pool;
    private final long at;
    private final long bytes;

    private StagedBlocks(
            BlockList own, BlockList seen, List<MemoryHandle> handles, StagingPool pool, long at, long bytes) {
        this.own = own;
        this.seen = seen;
        this.handles = handles;
        this.pool = pool;
        this.at = at;
        this.bytes = bytes;
    }

    /** Lends room for what the backend cannot move. */
    static StagedBlocks of(BlockList own, List<MemoryHandle> ownHandles, MemoryKind moved, StagingPool pool) {
        long bytes = 0;
        for (int i = 0; i < own.size(); i++) {
            bytes += isMoved(own, i, moved) ? 0 : own.length(i);
        }
        // one behind the other, so that blocks which are neighbours in the application's memory are copied in one go
        long room = StagingPool.aligned(bytes);
        long at = room == 0 ? 0 : pool.take(room);
        BlockList.Builder seen = BlockList.builder(own.size());
        long next = at;
        for (int i = 0; i < own.size(); i++) {
            if (isMoved(own, i, moved)) {
                seen.add(own.key(i), own.region(i), own.offset(i), own.length(i));
            } else {
                seen.add(own.key(i), pool.region(), next, own.length(i));
                next += own.length(i);
            }
        }
        BlockList built = seen.build();
        return new StagedBlocks(own, built, handles(built, own, ownHandles, pool), pool, at, room);
    }

    private static boolean isMoved(BlockList blocks, int position, MemoryKind moved) {
        return blocks.region(position).kind() == moved;
    }

    private static List<MemoryHandle> handles(
            BlockList seen, BlockList own, List<MemoryHandle> ownHandles, StagingPool pool) {
        List<MemoryHandle> handles = new ArrayList<>();
        for (MemoryRegion region : seen.regions()) {
            int known = own.regions().indexOf(region);
            handles.add(known < 0 ? pool.handle() : ((StagedHandle) ownHandles.get(known)).seen());
        }
        return handles;
    }

    BlockList own() {
        return own;
    }

    /** What the backend is given. */
    BlockList seen() {
        return seen;
    }

    /** The backend's registrations of {@code seen().regions()}. */
    List<MemoryHandle> handles() {
        return handles;
    }

    /** Tells whether any block is copied. */
    boolean isStaged() {
        return bytes > 0;
    }

    /** Copies blocks to where the backend takes them from. */
    void copyIn(BlockRange range, Deadline deadline) {
        copy(range, own, seen, deadline);
    }

    /** Copies blocks from where the backend has put them. */
    void copyOut(BlockRange range, Deadline deadline) {
        copy(range, seen, own, deadline);
    }

    /** Blocks that follow each other on both sides are copied in one go. */
    private void copy(BlockRange range, BlockList from, BlockList to, Deadline deadline) {
        int first = range.first();
        while (first < range.end()) {
            if (from.region(first).equals(to.region(first))) {
                first++;
                continue;
            }
            int end = first + 1;
            long length = from.length(first);
            while (end < range.end() && follows(from, first, end, length) && follows(to, first, end, length)) {
                length += from.length(end);
                end++;
            }
            pool.port()
                    .copy(from.region(first), from.offset(first), to.region(first), to.offset(first), length, deadline);
            first = end;
        }
    }

    private static boolean follows(BlockList blocks, int first, int position, long length) {
        return blocks.region(position).equals(blocks.region(first))
                && blocks.offset(position) == blocks.offset(first) + length;
    }

    /** Runs something once the copies that were begun have ended, however long that takes; never, where nobody can tell. */
    void afterCopies(Runnable then) {
        var ignored = pool.port().barrier().thenRun(then);
    }

    /** Gives the room back. Once, when neither backend nor copies touch it any more. */
    void release() {
        if (bytes > 0) {
            pool.give(at, bytes);
        }
    }
}
