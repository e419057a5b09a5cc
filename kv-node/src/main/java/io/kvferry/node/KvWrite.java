package io.kvferry.node;

import io.kvferry.engine.Transfer;
import io.kvferry.engine.TransferRequest;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.TransferId;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Chunks of a prompt that are being computed, in the pool already: layer after layer they are written, declared ready, sent
 * to whom it concerns, and in the end published.
 *
 * <p><b>Life cycle:</b> {@link KvNode#write} makes it; {@link #layer} and {@link #layerReady} for each layer; then {@link
 * #commit}; {@link #close} in every case, which forgets what was not committed.
 *
 * <p><b>Threads:</b> Thread-safe: layers may be written and declared ready by several threads.
 *
 * @since 0.1.0
 */
public final class KvWrite implements AutoCloseable {
    private final NodeContext node;
    private final int requestedTokens;
    private final long startNanos;
    private final int chunks;

    private final Object lock = new Object();
    // guarded by lock
    private final WriteSlots slots;
    private final BitSet known = new BitSet();
    private final BitSet ready = new BitSet();
    private final List<KvSend> sends = new ArrayList<>();
    private @Nullable PutResult result;
    private boolean closed;

    KvWrite(NodeContext node, int[] tokens) {
        this.node = node;
        this.requestedTokens = tokens.length;
        this.startNanos = node.nanos();
        this.slots = WriteSlots.take(node.store(), node.chain().keys(tokens));
        this.chunks = slots.size();
        IntStream.range(0, chunks).filter(slots::isStored).forEach(known::set);
    }

    /**
     * Returns how many chunks there are: the whole ones of the prompt, or as many from the first on as there is room for.
     *
     * @return zero or more
     */
    public int chunks() {
        return chunks;
    }

    /**
     * Tells whether a chunk was here before. Its bytes are final: they are not written again.
     *
     * @param chunk its position, from 0
     * @return true if there is nothing to write
     */
    public boolean isKnown(int chunk) {
        synchronized (lock) {
            return known.get(chunk);
        }
    }

    /**
     * Returns where a layer of a chunk is written to.
     *
     * @param chunk its position, from 0
     * @param layer the layer, from 0
     * @return its memory, read-only for a chunk that was here before; not to be written to after {@code layerReady}
     * @throws IllegalStateException once closed
     */
    public MemorySegment layer(int chunk, int layer) {
        synchronized (lock) {
            checkOpen();
            MemorySegment memory = node.pool().layer(slots.slot(chunk), layer);
            return known.get(chunk) ? memory.asReadOnly() : memory;
        }
    }

    private void checkOpen() {
        if (closed) {
            throw new IllegalStateException("this write was closed");
        }
    }

    /**
     * Says that a layer of all chunks is final. It goes to everybody it is sent to at once.
     *
     * @param layer the layer, from 0
     * @throws IllegalArgumentException if there is no such layer
     * @throws IllegalStateException once closed
     */
    public void layerReady(int layer) {
        if (layer < 0 || layer >= node.pool().layers()) {
            throw new IllegalArgumentException(
                    "layer " + layer + " of " + node.pool().layers());
        }
        List<KvSend> receivers;
        synchronized (lock) {
            checkOpen();
            ready.set(layer);
            receivers = List.copyOf(sends);
        }
        receivers.forEach(send -> send.submit(layer));
    }

    /** Writes every layer of what was not here before, layer after layer. */
    void fill(KvSource kv) {
        for (int layer = 0; layer < node.pool().layers(); layer++) {
            for (int chunk = 0; chunk < chunks; chunk++) {
                if (!isKnown(chunk)) {
                    kv.write(layer, chunk, layer(chunk, layer));
                }
            }
            layerReady(layer);
        }
    }

    /**
     * Begins to send the chunks to a peer that has called {@link KvNode#receive}: layers that are ready at once, the others
     * as soon as they are.
     *
     * @param id the transfer, as the peer offered it
     * @param peer where its peer control listens
     * @param deadline until when all of it must be there
     * @return the transfer; the caller closes it
     * @throws io.kvferry.spi.TransferException as {@link io.kvferry.engine.TransferEngine#prepare}
     * @throws IllegalStateException without chunks, or once closed
     */
    public KvSend sendTo(TransferId id, PeerAddress peer, Deadline deadline) {
        if (chunks == 0) {
            throw new IllegalStateException("there is no whole chunk to send");
        }
        TransferRequest request = TransferRequest.write(id, peer, node.pool().blocks(slots.all()))
                .deadline(deadline)
                .confirm();
        Transfer transfer = node.engine().prepare(request, deadline);
        KvSend send = new KvSend(node, transfer, chunks);
        int[] already;
        synchronized (lock) {
            if (closed) {
                transfer.close();
            }
            checkOpen();
            sends.add(send);
            already = ready.stream().toArray();
        }
        for (int layer : already) {
            send.submit(layer);
        }
        return send;
    }

    /**
     * Publishes the chunks: from now on they are found here and by other nodes.
     *
     * @return what became of the tokens; the same at every call
     * @throws IllegalStateException while a layer is not ready, or once closed
     */
    public PutResult commit() {
        PutResult committed;
        synchronized (lock) {
            if (result != null) {
                return result;
            }
            checkOpen();
            int layers = node.pool().layers();
            if (ready.cardinality() < layers) {
                throw new IllegalStateException(ready.cardinality() + " of " + layers + " layers are ready");
            }
            int stored = slots.commit() * node.chunkTokens();
            int whole = chunks * node.chunkTokens();
            committed = new PutResult(requestedTokens, stored, whole - stored, requestedTokens - whole);
            result = committed;
        }
        node.counters().stored(committed, node.nanos() - startNanos);
        return committed;
    }

    /** Ends what is still being sent, and gives the slots back once nobody can read them any more. Idempotent. */
    @Override
    public void close() {
        List<KvSend> receivers;
        synchronized (lock) {
            if (closed) {
                return;
            }
            closed = true;
            receivers = List.copyOf(sends);
        }
        receivers.forEach(KvSend::close);
        var ignored = CompletableFuture.allOf(
                        receivers.stream().map(KvSend::quiescent).toArray(CompletableFuture<?>[]::new))
                .thenRun(() -> {
                    synchronized (lock) {
                        slots.giveBack();
                    }
                });
    }
}
