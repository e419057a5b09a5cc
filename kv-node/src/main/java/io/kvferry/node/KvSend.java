package io.kvferry.node;

import io.kvferry.engine.Transfer;
import io.kvferry.engine.TransferResult;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferStatus;
import java.util.BitSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Chunks on their way to one peer, layer after layer.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public final class KvSend implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(KvSend.class);

    private final NodeContext node;
    private final Transfer transfer;
    private final int chunks;
    private final AtomicBoolean counted = new AtomicBoolean();
    private final Object lock = new Object();
    // guarded by lock
    private final BitSet submitted = new BitSet();

    KvSend(NodeContext node, Transfer transfer, int chunks) {
        this.node = node;
        this.transfer = transfer;
        this.chunks = chunks;
    }

    /** Sends a layer, once. */
    void submit(int layer) {
        synchronized (lock) {
            if (submitted.get(layer)) {
                return;
            }
            submitted.set(layer);
        }
        try {
            transfer.submit(new BlockRange(layer * chunks, chunks));
        } catch (TransferException e) {
            // whoever computes the layers goes on; who waits for this transfer hears of its end
            LOG.debug("layer {} of transfer {} was not sent", layer, transfer.id(), e);
        }
    }

    /**
     * Returns how far it is.
     *
     * @return a snapshot
     */
    public TransferStatus status() {
        return transfer.status();
    }

    /**
     * Waits until the peer has confirmed that everything is there.
     *
     * @param deadline until when; past it the transfer ends
     * @return how it ended
     */
    public TransferResult await(Deadline deadline) {
        TransferResult result = transfer.await(deadline);
        if (result instanceof TransferResult.Completed completed && counted.compareAndSet(false, true)) {
            node.counters().lent(completed.bytes());
        }
        return result;
    }

    /** Ends the transfer if it still runs. */
    @Override
    public void close() {
        transfer.close();
    }

    CompletableFuture<Void> quiescent() {
        return transfer.whenQuiescent().toCompletableFuture();
    }
}
