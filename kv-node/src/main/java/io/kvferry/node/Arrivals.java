package io.kvferry.node;

import io.kvferry.engine.TransferListener;
import io.kvferry.engine.TransferReport;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.TransferId;
import java.util.BitSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells a {@link LayerListener} of each block once, whichever of the transfers of one fetch brings it.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class Arrivals {
    private static final Logger LOG = LoggerFactory.getLogger(Arrivals.class);

    private final LayerListener listener;
    private final BlockPool pool;
    private final int chunks;
    private final Object lock = new Object();
    // guarded by lock
    private final BitSet told;

    Arrivals(LayerListener listener, BlockPool pool, int chunks) {
        this.listener = listener;
        this.pool = pool;
        this.chunks = chunks;
        this.told = new BitSet(pool.layers() * chunks);
    }

    /** All layers of a chunk that is here. */
    void here(int chunk, int slot) {
        for (int layer = 0; layer < pool.layers(); layer++) {
            tell(layer, chunk, slot);
        }
    }

    private void tell(int layer, int chunk, int slot) {
        synchronized (lock) {
            int block = layer * chunks + chunk;
            if (told.get(block)) {
                return;
            }
            told.set(block);
        }
        try {
            listener.arrived(layer, chunk, pool.layer(slot, layer).asReadOnly());
        } catch (RuntimeException e) {
            LOG.error("a layer listener failed at layer {} of chunk {}", layer, chunk, e);
        }
    }

    /** Listens to a transfer whose blocks are layer after layer of some chunks. */
    final class OfTransfer implements TransferListener {
        private final int firstChunk;
        private final int[] slots;
        private final CompletableFuture<Void> ended = new CompletableFuture<>();

        OfTransfer(int firstChunk, int[] slots) {
            this.firstChunk = firstChunk;
            this.slots = slots;
        }

        @Override
        public void applied(TransferId id, BlockRange blocks) {
            for (int block = blocks.first(); block < blocks.end(); block++) {
                int position = block % slots.length;
                tell(block / slots.length, firstChunk + position, slots[position]);
            }
        }

        @Override
        public void ended(TransferReport report) {
            ended.complete(null);
        }

        /** Completes when the listener will not be called for this transfer again. */
        CompletionStage<Void> allTold() {
            return ended;
        }
    }
}
