package io.kvferry.node;

import io.kvferry.control.cluster.ChunkKeys;
import io.kvferry.control.cluster.Holder;
import io.kvferry.control.cluster.LookupAnswer;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One fetch: what is here, then what the best holder lends, then the next one's, until nobody has more.
 *
 * <p><b>Threads:</b> Confined to the thread that fetches.
 */
final class Fetch {
    private final NodeContext node;
    private final InFlight inFlight;
    private final int[] tokens;
    private final ChunkKeys keys;
    private final Deadline deadline;
    private final @Nullable Arrivals arrivals;

    private final List<StoredChunk> held = new ArrayList<>();
    private final List<HolderFailure> failures = new ArrayList<>();
    private final Set<PeerIdentity> failed = new HashSet<>();
    private int fetchedChunks;
    private long fetchedBytes;
    private int transfers;
    private long transferNanos;

    Fetch(NodeContext node, InFlight inFlight, int[] tokens, Deadline deadline, @Nullable LayerListener listener) {
        this.node = node;
        this.inFlight = inFlight;
        this.tokens = tokens;
        this.keys = node.chain().keys(tokens);
        this.deadline = deadline;
        this.arrivals = listener == null ? null : new Arrivals(listener, node.pool(), keys.size());
    }

    KvFetch run() {
        long start = node.nanos();
        boolean done = false;
        try {
            Miss miss = collect();
            int hit = held.size() * node.chunkTokens();
            int fetched = fetchedChunks * node.chunkTokens();
            KvFetch.Figures figures = new KvFetch.Figures(
                    tokens.length,
                    hit - fetched,
                    fetched,
                    tokens.length - hit,
                    fetchedBytes,
                    transfers,
                    transferNanos,
                    node.nanos() - start);
            node.counters().fetched(figures, failures.size(), miss);
            done = true;
            return new KvFetch(new KvChunks(node, held), figures, miss, failures);
        } finally {
            if (!done) {
                node.store().release(held);
            }
        }
    }

    /** Collects chunks from the first on; returns why it stopped, or null when it has all. */
    private @Nullable Miss collect() {
        while (true) {
            takeWhatIsHere();
            if (held.size() == keys.size()) {
                return null;
            }
            if (deadline.isExpired()) {
                return miss(MissReason.DEADLINE, "the deadline passed");
            }
            ChunkId next = new ChunkId(keys.key(held.size()));
            try (InFlight.Turn turn = inFlight.take(next, deadline)) {
                if (turn.isMine()) {
                    Miss miss = fetchMore();
                    if (miss != null) {
                        return miss;
                    }
                }
            }
        }
    }

    private void takeWhatIsHere() {
        List<StoredChunk> here = node.store().acquirePrefix(keys.slice(held.size(), keys.size()));
        for (StoredChunk chunk : here) {
            held.add(chunk);
            if (arrivals != null) {
                arrivals.here(held.size() - 1, chunk.slot());
            }
        }
    }

    /** Looks up who has the next chunks and reads them. Returns null once it has some. */
    private @Nullable Miss fetchMore() {
        LookupAnswer answer;
        try {
            answer = node.directory()
                    .lookup(
                            keys.slice(held.size(), keys.size()),
                            node.after(NodeConfigKeys.HOLDER_TIMEOUT).earlier(deadline));
        } catch (TransferException e) {
            throwIfInterrupted(e);
            return miss(MissReason.NO_CONTROLLER, e.error().toString());
        }
        for (Holder holder : answer.holders()) {
            if (failed.contains(holder.node().identity())) {
                continue;
            }
            if (deadline.isExpired()) {
                return miss(MissReason.DEADLINE, "the deadline passed");
            }
            int[] slots = node.store().reserve(Math.min(holder.chunks(), keys.size() - held.size()));
            if (slots.length == 0) {
                return miss(
                        MissReason.NO_ROOM, "every chunk in the pool is pinned or in use; raise kvferry.kv.pool-size");
            }
            if (read(holder, slots)) {
                return null;
            }
        }
        return nobody(answer);
    }

    private Miss nobody(LookupAnswer answer) {
        if (!answer.isMiss()) {
            return miss(MissReason.HOLDERS_FAILED, failures.size() + " holders failed");
        }
        return answer.indexComplete()
                ? miss(MissReason.NOT_HELD, "no other node holds the next chunk")
                : miss(
                        MissReason.INDEX_INCOMPLETE,
                        "no other node is known to hold the next chunk, and the controller has not heard from every node");
    }

    private boolean read(Holder holder, int[] slots) {
        int first = held.size();
        ChunkKeys wanted = keys.slice(first, first + slots.length);
        long start = node.nanos();
        transfers++;
        try {
            List<StoredChunk> came = reader(holder, slots).read(first, wanted, slots);
            held.addAll(came);
            fetchedChunks += came.size();
            fetchedBytes += came.size() * node.pool().chunkBytes();
            return true;
        } catch (TransferException e) {
            throwIfInterrupted(e);
            failed.add(holder.node().identity());
            failures.add(new HolderFailure(
                    holder.node().identity(), e.code(), e.error().toString()));
            return false;
        } finally {
            transferNanos += node.nanos() - start;
        }
    }

    /** A thread that was told to stop tries nobody else. */
    private static void throwIfInterrupted(TransferException failure) {
        if (failure.code() == TransferErrorCode.CANCELLED
                && Thread.currentThread().isInterrupted()) {
            throw failure;
        }
    }

    private HolderRead reader(Holder holder, int[] slots) {
        try {
            return new HolderRead(node, holder, deadline, arrivals);
        } catch (TransferException e) {
            node.store().unreserve(slots);
            throw e;
        }
    }

    private Miss miss(MissReason reason, String detail) {
        return new Miss(reason, held.size(), detail);
    }
}
