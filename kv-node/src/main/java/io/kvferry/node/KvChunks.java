package io.kvferry.node;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Chunks in this node's pool, from the first of a prompt on, that are not evicted until this is closed.
 *
 * <p><b>Threads:</b> Thread-safe. <b>Ownership:</b> the memory is the pool's; whoever reads it keeps this open meanwhile,
 * and nobody writes to it.
 *
 * @since 0.1.0
 */
public final class KvChunks implements AutoCloseable {
    private final NodeContext node;
    private final List<StoredChunk> chunks;
    private final AtomicBoolean closed = new AtomicBoolean();

    KvChunks(NodeContext node, List<StoredChunk> chunks) {
        this.node = node;
        this.chunks = List.copyOf(chunks);
    }

    /**
     * Returns how many chunks there are.
     *
     * @return zero or more
     */
    public int size() {
        return chunks.size();
    }

    /**
     * Returns a whole chunk: its layers one behind the other.
     *
     * @param chunk its position, from 0
     * @return its bytes, read-only
     * @throws IllegalStateException once closed
     */
    public MemorySegment chunk(int chunk) {
        return node.pool().chunk(slot(chunk)).asReadOnly();
    }

    /**
     * Returns one layer of a chunk.
     *
     * @param chunk its position, from 0
     * @param layer the layer, from 0
     * @return its bytes, read-only
     * @throws IllegalStateException once closed
     */
    public MemorySegment layer(int chunk, int layer) {
        return node.pool().layer(slot(chunk), layer).asReadOnly();
    }

    private int slot(int chunk) {
        if (closed.get()) {
            throw new IllegalStateException("these chunks were given back");
        }
        return chunks.get(chunk).slot();
    }

    /** Lets the chunks be evicted. Idempotent. */
    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            node.store().release(chunks);
        }
    }
}
