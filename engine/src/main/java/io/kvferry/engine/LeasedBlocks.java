package io.kvferry.engine;

import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferState;
import io.kvferry.spi.TransferStatus;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Which blocks of a lease are in place, and who waits for which.
 *
 * <p><b>Threads:</b> Thread-safe. Its monitor comes after the lease's lock, and nothing after it.
 */
final class LeasedBlocks {
    private final BlockList blocks;
    private final @Nullable ListenerCalls listeners;
    private final Waits callers;
    // guarded by this
    private final BitSet applied;
    private @Nullable List<Wait> waits;
    private long appliedBytes;
    private boolean closed;

    private record Wait(BlockRange range, CompletableFuture<Boolean> reached) {}

    LeasedBlocks(BlockList blocks, @Nullable ListenerCalls listeners, Waits callers) {
        this.blocks = blocks;
        this.callers = callers;
        this.listeners = listeners;
        this.applied = new BitSet(blocks.size());
    }

    /** Some blocks are in place; those that were before are passed over. */
    void applied(BlockRange range) {
        List<Wait> reached;
        synchronized (this) {
            if (closed) {
                return;
            }
            mark(range);
            reached = takeReached();
        }
        reached.forEach(wait -> wait.reached.complete(true));
    }

    /** Marks blocks, and lets listeners hear of those that were not marked before. */
    private void mark(BlockRange range) {
        for (int from = applied.nextClearBit(range.first()); from < range.end(); from = applied.nextClearBit(from)) {
            int set = applied.nextSetBit(from);
            int end = set < 0 ? range.end() : Math.min(set, range.end());
            BlockRange fresh = new BlockRange(from, end - from);
            applied.set(from, end);
            appliedBytes += blocks.bytes(fresh);
            if (listeners != null) {
                listeners.applied(fresh);
            }
        }
    }

    private List<Wait> takeReached() {
        List<Wait> known = waits;
        if (known == null) {
            return List.of();
        }
        List<Wait> reached = new ArrayList<>();
        for (Iterator<Wait> each = known.iterator(); each.hasNext(); ) {
            Wait wait = each.next();
            if (isApplied(wait.range)) {
                reached.add(wait);
                each.remove();
            }
        }
        return reached;
    }

    private boolean isApplied(BlockRange range) {
        return applied.nextClearBit(range.first()) >= range.end();
    }

    /** What an earlier attempt has written is about to be written again. */
    synchronized void restart() {
        applied.clear();
        appliedBytes = 0;
    }

    /**
     * The lease is decided: what is in place stays as it is.
     *
     * @param completed notices of parts may be late or lost; the target's own decision is not, and marks them all
     */
    synchronized void close(boolean completed) {
        if (completed) {
            mark(new BlockRange(0, blocks.size()));
        }
        closed = true;
    }

    /** The end is published: nobody waits any longer. */
    void release(boolean completed) {
        List<Wait> left;
        synchronized (this) {
            left = waits == null ? List.of() : List.copyOf(waits);
            waits = null;
        }
        left.forEach(wait -> wait.reached.complete(completed));
    }

    /** Waits until blocks are in place. Returns false at the deadline, or when the lease ends without them. */
    boolean await(BlockRange range, Deadline deadline) {
        if (range.end() > blocks.size()) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.TRANSFER,
                    range + " is outside the " + blocks.size() + " blocks of the lease");
        }
        Wait wait = new Wait(range, new CompletableFuture<>());
        synchronized (this) {
            if (isApplied(range)) {
                return true;
            }
            if (closed) {
                return false;
            }
            if (waits == null) {
                waits = new ArrayList<>(1);
            }
            waits.add(wait);
        }
        try {
            return callers.until(wait.reached, deadline, Stage.TRANSFER) && wait.reached.getNow(false);
        } finally {
            synchronized (this) {
                if (waits != null) {
                    waits.remove(wait);
                }
            }
        }
    }

    synchronized TransferStatus status(TransferState state, @Nullable TransferError error) {
        return new TransferStatus(
                state, appliedBytes, blocks.totalBytes(), applied.cardinality(), blocks.size(), error);
    }
}
