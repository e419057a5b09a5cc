package io.kvferry.backend.nccl;

import static java.util.concurrent.TimeUnit.SECONDS;

import io.kvferry.engine.Lease;
import io.kvferry.engine.LeaseRequest;
import io.kvferry.engine.Memory;
import io.kvferry.engine.Transfer;
import io.kvferry.engine.TransferEngine;
import io.kvferry.engine.TransferRequest;
import io.kvferry.engine.TransferResult;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.TransferId;
import java.util.function.IntConsumer;

/** The code of {@code docs/recipes/p2p-nccl.md}: what stands between two marks is printed there. */
final class P2pNcclRecipes {
    static final int LAYERS = 4;
    static final int PER_LAYER = 6;
    static final int BLOCKS = LAYERS * PER_LAYER;
    static final int BLOCK_BYTES = 64 << 10;
    static final long CACHE_BYTES = (long) BLOCKS * BLOCK_BYTES;

    private P2pNcclRecipes() {}

    /** Memory of a GPU, and the blocks in it. */
    record Cache(Memory memory, BlockList blocks) {}

    static Cache cache(TransferEngine engine) {
        // begin
        Memory cache = engine.allocate(0, CACHE_BYTES);
        BlockList blocks = BlockList.uniform(cache.region(), 0, 0, BLOCK_BYTES, BLOCKS); // their keys are 0, 1, 2, ...
        // end
        return new Cache(cache, blocks);
    }

    static Lease offer(TransferEngine decode, TransferId requestId, BlockList blocks) {
        // begin
        Lease lease = decode.offer(LeaseRequest.writable(requestId, blocks), Deadline.after(30, SECONDS));
        // end
        return lease;
    }

    static void put(TransferEngine prefill, PeerAddress decode, TransferId requestId, BlockList blocks) {
        // begin
        TransferRequest request = TransferRequest.write(requestId, decode, blocks);
        try (Transfer transfer = prefill.prepare(request, Deadline.after(2, SECONDS))) {
            transfer.submit();
            transfer.await(Deadline.after(10, SECONDS)).orThrow();
        }
        // end
    }

    static void awaitAll(Lease lease) {
        // begin
        lease.await(Deadline.after(10, SECONDS)).orThrow();
        // end
    }

    static void putLayers(TransferEngine prefill, TransferRequest request, IntConsumer layerOfModel) {
        // begin
        try (Transfer transfer = prefill.prepare(request, Deadline.after(2, SECONDS))) {
            for (int layer = 0; layer < LAYERS; layer++) {
                layerOfModel.accept(layer); // returns once the layer's stream is synchronised
                transfer.submit(new BlockRange(layer * PER_LAYER, PER_LAYER));
            }
            transfer.await(Deadline.after(10, SECONDS)).orThrow();
        }
        // end
    }

    static void useLayers(Lease lease, IntConsumer layerOfModel) {
        // begin
        for (int layer = 0; layer < LAYERS; layer++) {
            if (!lease.awaitApplied(new BlockRange(layer * PER_LAYER, PER_LAYER), Deadline.after(10, SECONDS))) {
                lease.result().ifPresent(TransferResult::orThrow);
                throw new IllegalStateException("layer " + layer + " has not come; compute it, or try again");
            }
            layerOfModel.accept(layer);
        }
        // end
    }

    static Lease offerToRead(TransferEngine prefill, TransferId requestId, BlockList blocks) {
        // begin
        Lease lease = prefill.offer(LeaseRequest.readable(requestId, blocks).asStanding(), Deadline.after(60, SECONDS));
        // end
        return lease;
    }

    static void get(TransferEngine decode, PeerAddress prefill, TransferId requestId, BlockList blocks, int attempt) {
        // begin
        TransferRequest request =
                TransferRequest.read(requestId, prefill, blocks).attempt(attempt);
        try (Transfer transfer = decode.prepare(request, Deadline.after(2, SECONDS))) {
            transfer.submit();
            transfer.await(Deadline.after(10, SECONDS)).orThrow();
        }
        // end
    }
}
