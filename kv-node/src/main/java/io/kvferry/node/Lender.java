package io.kvferry.node;

import io.kvferry.engine.Lease;
import io.kvferry.engine.LeaseRequest;
import io.kvferry.engine.TransferListener;
import io.kvferry.engine.TransferReport;
import io.kvferry.engine.TransferResult;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Payload;
import io.kvferry.spi.PeerIdentity;
import java.time.Duration;
import java.util.List;

/**
 * Lends chunks to peers: under a read-only lease for the one who asks, until it has them or its time is over. What is lent
 * is not evicted.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class Lender {
    private final NodeContext node;
    private final PeerQuota quota;

    Lender(NodeContext node, PeerQuota quota) {
        this.node = node;
        this.quota = quota;
    }

    /** Answers {@code lend}. */
    Payload lend(PeerIdentity borrower, Payload payload) {
        ChunkRequest request = ChunkRequest.read(payload, node.chain().scheme());
        quota.enter(borrower);
        List<StoredChunk> chunks = node.store().acquirePrefix(request.keys());
        boolean lent = false;
        try {
            if (!chunks.isEmpty()) {
                offer(borrower, request, chunks);
                lent = true;
            }
            return ChunkRequest.lent(chunks.size());
        } finally {
            if (!lent) {
                node.store().release(chunks);
                quota.leave(borrower);
            }
        }
    }

    private void offer(PeerIdentity borrower, ChunkRequest request, List<StoredChunk> chunks) {
        int[] slots = chunks.stream().mapToInt(StoredChunk::slot).toArray();
        LeaseRequest offer = LeaseRequest.readable(request.id(), node.pool().blocks(slots))
                .onlyFor(borrower.nodeId())
                .listener(new TransferListener() {
                    @Override
                    public void ended(TransferReport report) {
                        if (report.result() instanceof TransferResult.Completed completed) {
                            node.counters().lent(completed.bytes());
                        }
                    }
                });
        Lease lease = node.engine().offer(offer, leaseEnd(node, request));
        var ignored = lease.whenQuiescent().thenRun(() -> {
            node.store().release(chunks);
            quota.leave(borrower);
        });
    }

    /** A peer says how long it goes on; this node says how long at most. */
    static Deadline leaseEnd(NodeContext node, ChunkRequest request) {
        return node.after(Duration.ofNanos(request.remainingNanos())).earlier(node.after(NodeConfigKeys.LEASE_TIME));
    }
}
