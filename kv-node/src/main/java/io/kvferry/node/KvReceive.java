package io.kvferry.node;

import io.kvferry.control.cluster.ChunkKeys;
import io.kvferry.engine.Lease;
import io.kvferry.engine.LeaseRequest;
import io.kvferry.engine.TransferResult;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Chunks that a peer is sending, layer after layer, into this node's pool.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public final class KvReceive implements AutoCloseable {
    private final NodeContext node;
    private final int[] slots;
    private final ChunkKeys keys;
    private final Lease lease;
    private final Object lock = new Object();
    // guarded by lock
    private @Nullable KvChunks received;
    private boolean closed;

    private KvReceive(NodeContext node, ChunkKeys keys, int[] slots, Lease lease) {
        this.node = node;
        this.keys = keys;
        this.slots = slots;
        this.lease = lease;
    }

    static KvReceive start(NodeContext node, TransferId id, int[] tokens, String sender, Deadline deadline) {
        ChunkKeys keys = node.chain().keys(tokens);
        if (keys.isEmpty()) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.OFFER,
                    tokens.length + " tokens are no whole chunk of " + node.chunkTokens());
        }
        int[] slots = node.store().reserve(keys.size());
        try {
            if (slots.length < keys.size()) {
                throw new TransferException(
                        TransferErrorCode.RESOURCE_EXHAUSTED,
                        Stage.OFFER,
                        "room for " + slots.length + " of " + keys.size()
                                + " chunks: the others are pinned or in use; raise kvferry.kv.pool-size");
            }
            LeaseRequest request =
                    LeaseRequest.writable(id, node.pool().blocks(slots)).onlyFor(sender);
            return new KvReceive(node, keys, slots, node.engine().offer(request, deadline));
        } catch (RuntimeException | Error e) {
            node.store().unreserve(slots);
            throw e;
        }
    }

    /**
     * Waits until a layer of all chunks is there.
     *
     * @param layer the layer, from 0
     * @param deadline until when to wait; the transfer goes on
     * @return true once it may be read; false at the deadline, or when the transfer has ended without it
     */
    public boolean awaitLayer(int layer, Deadline deadline) {
        return lease.awaitApplied(new BlockRange(layer * slots.length, slots.length), deadline);
    }

    /**
     * Returns a layer of a chunk, to be read once it is there.
     *
     * @param chunk its position, from 0
     * @param layer the layer, from 0
     * @return its bytes, read-only
     * @throws IllegalStateException once closed
     */
    public MemorySegment layer(int chunk, int layer) {
        synchronized (lock) {
            if (closed) {
                throw new IllegalStateException("these chunks were given back");
            }
        }
        return node.pool().layer(slots[chunk], layer).asReadOnly();
    }

    /**
     * Waits until everything is there, and publishes it.
     *
     * @param deadline until when to wait; past it the transfer ends
     * @return the chunks; closed with this
     * @throws TransferException how the transfer failed; nothing is kept of it then
     */
    public KvChunks await(Deadline deadline) {
        TransferResult.Completed result = lease.await(deadline).orThrow();
        synchronized (lock) {
            if (closed) {
                throw new IllegalStateException("these chunks were given back");
            }
            KvChunks known = received;
            if (known == null) {
                known = new KvChunks(node, node.store().commitAll(keys, slots));
                received = known;
                node.counters().received(result.bytes());
            }
            return known;
        }
    }

    /** Ends the transfer if it still runs; lets the chunks be evicted, or forgets them where they did not all come. */
    @Override
    public void close() {
        KvChunks known;
        synchronized (lock) {
            if (closed) {
                return;
            }
            closed = true;
            known = received;
        }
        lease.close();
        if (known != null) {
            known.close();
        } else {
            // a time-out is not quiescence: the slots stay reserved until nothing can come into them
            var ignored = lease.whenQuiescent().thenRun(() -> node.store().unreserve(slots));
        }
    }
}
