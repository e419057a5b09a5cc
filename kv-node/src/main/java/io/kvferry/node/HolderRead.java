package io.kvferry.node;

import io.kvferry.control.cluster.ChunkKeys;
import io.kvferry.control.cluster.Holder;
import io.kvferry.control.cluster.NodeRegistration;
import io.kvferry.engine.Transfer;
import io.kvferry.engine.TransferRequest;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * Reads chunks from one holder: asks it to lend them, prepares, submits, waits, finishes.
 *
 * <p><b>Threads:</b> Confined to the thread that fetches.
 */
final class HolderRead {
    private final NodeContext node;
    private final PeerAddress address;
    private final Deadline deadline;
    private final @Nullable Arrivals arrivals;

    HolderRead(NodeContext node, Holder holder, Deadline deadline, @Nullable Arrivals arrivals) {
        this.node = node;
        this.address = address(holder);
        this.deadline = deadline;
        this.arrivals = arrivals;
    }

    private static PeerAddress address(Holder holder) {
        String text = holder.node().addresses().getOrDefault(NodeRegistration.PEER_CONTROL, "");
        try {
            return PeerAddress.parse(text);
        } catch (IllegalArgumentException e) {
            throw new TransferException(
                    TransferErrorCode.INCOMPATIBLE_PEER,
                    Stage.PREPARE,
                    holder.node().identity() + " registered '" + text + "' as its peer-control address",
                    e);
        }
    }

    /**
     * Reads what the holder lends.
     *
     * @param firstChunk position in the prompt of the first key
     * @param keys which chunks
     * @param slots reserved for them, as many; given back where nothing comes into them
     * @return the chunks that came, each with a use taken
     * @throws TransferException if nothing came
     */
    List<StoredChunk> read(int firstChunk, ChunkKeys keys, int[] slots) {
        TransferId id = TransferId.random();
        int lent;
        try {
            lent = borrow(id, keys);
        } catch (RuntimeException | Error e) {
            node.store().unreserve(slots);
            throw e;
        }
        int[] used = Arrays.copyOf(slots, lent);
        node.store().unreserve(Arrays.copyOfRange(slots, lent, slots.length));
        transfer(id, firstChunk, used);
        return node.store().commitAll(keys, used);
    }

    private int borrow(TransferId id, ChunkKeys keys) {
        ChunkRequest request = new ChunkRequest(id, node.chain().scheme(), keys, deadline.remainingNanos());
        Deadline soon = node.after(NodeConfigKeys.HOLDER_TIMEOUT).earlier(deadline);
        int lent = ChunkRequest.readLent(
                node.engine().notify(address, ChunkRequest.LEND, request.payload(), soon), keys.size());
        if (lent == 0) {
            throw new TransferException(
                    TransferErrorCode.NOT_FOUND, Stage.PREPARE, "it does not hold the chunk any more");
        }
        return lent;
    }

    private void transfer(TransferId id, int firstChunk, int[] slots) {
        Arrivals.OfTransfer listener = arrivals == null ? null : arrivals.new OfTransfer(firstChunk, slots);
        TransferRequest request =
                TransferRequest.read(id, address, node.pool().blocks(slots)).deadline(deadline);
        if (listener != null) {
            request = request.listener(listener);
        }
        CompletionStage<Void> told = listener == null ? CompletableFuture.completedStage(null) : listener.allTold();
        Transfer transfer;
        try {
            transfer = node.engine()
                    .prepare(request, node.after(NodeConfigKeys.HOLDER_TIMEOUT).earlier(deadline));
        } catch (RuntimeException | Error e) {
            // nothing was submitted, so nothing can come into the slots
            node.store().unreserve(slots);
            throw e;
        }
        boolean complete = false;
        try (transfer;
                StandstillGuard _ = StandstillGuard.start(node, transfer)) {
            transfer.submit();
            transfer.await(deadline).orThrow();
            TimedWait.until(told, deadline, node.engine().scheduler());
            complete = true;
        } finally {
            if (!complete) {
                // a time-out is not quiescence: the slots stay reserved until nothing can come into them
                var ignored = transfer.whenQuiescent()
                        .thenCombine(told, (quiet, all) -> null)
                        .thenRun(() -> node.store().unreserve(slots));
            }
        }
    }
}
