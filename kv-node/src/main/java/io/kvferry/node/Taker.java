package io.kvferry.node;

import io.kvferry.engine.Lease;
import io.kvferry.engine.LeaseRequest;
import io.kvferry.engine.TransferListener;
import io.kvferry.engine.TransferReport;
import io.kvferry.engine.TransferResult;
import io.kvferry.spi.Payload;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Takes chunks that a peer was ordered to send here: offers slots to write into, to that peer alone, and stores what has
 * come.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class Taker {
    private final NodeContext node;
    private final PeerQuota quota;

    Taker(NodeContext node, PeerQuota quota) {
        this.node = node;
        this.quota = quota;
    }

    /** Answers {@code take}. */
    Payload take(PeerIdentity sender, Payload payload) {
        ChunkRequest request = ChunkRequest.read(payload, node.chain().scheme());
        List<Integer> wanted = new ArrayList<>();
        List<ChunkId> missing = new ArrayList<>();
        for (int i = 0; i < request.keys().size(); i++) {
            ChunkId id = new ChunkId(request.keys().key(i));
            if (!node.store().holds(id)) {
                wanted.add(i);
                missing.add(id);
            }
        }
        if (!wanted.isEmpty()) {
            quota.enter(sender);
            boolean offered = false;
            try {
                offer(sender, request, wanted, missing);
                offered = true;
            } finally {
                if (!offered) {
                    quota.leave(sender);
                }
            }
        }
        return ChunkRequest.wanted(wanted);
    }

    private void offer(PeerIdentity sender, ChunkRequest request, List<Integer> wanted, List<ChunkId> missing) {
        int[] slots = node.store().reserve(wanted.size());
        Outcome outcome = new Outcome();
        Lease lease;
        try {
            if (slots.length < wanted.size()) {
                throw new TransferException(
                        TransferErrorCode.RESOURCE_EXHAUSTED,
                        Stage.OFFER,
                        "room for " + slots.length + " of " + wanted.size() + " chunks (kvferry.kv.pool-size)");
            }
            LeaseRequest offer = LeaseRequest.writable(request.id(), node.pool().blocks(slots, wanted))
                    .onlyFor(sender.nodeId())
                    .listener(outcome);
            lease = node.engine().offer(offer, Lender.leaseEnd(node, request));
        } catch (RuntimeException | Error e) {
            node.store().unreserve(slots);
            throw e;
        }
        // a time-out is not quiescence: only then may the slots be used for anything
        var ignored = lease.whenQuiescent().thenCombine(outcome.known, (quiet, result) -> {
            settle(result, missing, slots);
            quota.leave(sender);
            return result;
        });
    }

    private void settle(TransferResult result, List<ChunkId> ids, int[] slots) {
        if (!(result instanceof TransferResult.Completed completed)) {
            node.store().unreserve(slots);
            return;
        }
        for (int i = 0; i < slots.length; i++) {
            node.store().release(List.of(node.store().commit(ids.get(i), slots[i])));
        }
        node.counters().received(completed.bytes());
    }

    private static final class Outcome implements TransferListener {
        private final CompletableFuture<TransferResult> known = new CompletableFuture<>();

        @Override
        public void ended(TransferReport report) {
            known.complete(report.result());
        }
    }
}
