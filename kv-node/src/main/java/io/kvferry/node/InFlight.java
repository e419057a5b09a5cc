package io.kvferry.node;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;

/**
 * Lets one thread at a time fetch a chunk: who comes second waits and finds it in the pool.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class InFlight {
    private final Scheduler scheduler;
    private final ConcurrentMap<ChunkId, CompletableFuture<Void>> turns = new ConcurrentHashMap<>();

    InFlight(Scheduler scheduler) {
        this.scheduler = scheduler;
    }

    /** The right to fetch a chunk, or the knowledge that somebody else's has ended. */
    final class Turn implements AutoCloseable {
        private final ChunkId chunk;
        private final CompletableFuture<Void> mine;
        private final boolean isMine;

        private Turn(ChunkId chunk, CompletableFuture<Void> mine, boolean isMine) {
            this.chunk = chunk;
            this.mine = mine;
            this.isMine = isMine;
        }

        boolean isMine() {
            return isMine;
        }

        @Override
        public void close() {
            if (isMine) {
                turns.remove(chunk, mine);
                mine.complete(null);
            }
        }
    }

    /** Takes the turn, or waits until the one who has it is done or the deadline passes. */
    Turn take(ChunkId chunk, Deadline deadline) {
        CompletableFuture<Void> mine = new CompletableFuture<>();
        CompletableFuture<Void> other = turns.putIfAbsent(chunk, mine);
        if (other != null) {
            TimedWait.until(other, deadline, scheduler);
        }
        return new Turn(chunk, mine, other == null);
    }
}
