package io.kvferry.node;

import io.kvferry.control.cluster.ChunkKeys;
import io.kvferry.control.cluster.NodeOrder;
import io.kvferry.control.cluster.NodeRegistration;
import io.kvferry.control.cluster.OrderAction;
import io.kvferry.control.cluster.OrderHandler;
import io.kvferry.control.cluster.OrderResult;
import io.kvferry.control.cluster.Tier;
import io.kvferry.engine.BackendStatus;
import io.kvferry.engine.EngineStatus;
import io.kvferry.engine.Transfer;
import io.kvferry.engine.TransferRequest;
import io.kvferry.spi.Availability;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferId;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * Carries out what the controller orders.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class NodeOrders implements OrderHandler {
    private final NodeContext node;

    NodeOrders(NodeContext node) {
        this.node = node;
    }

    @Override
    public OrderResult handle(NodeOrder order, Deadline deadline) {
        return switch (order.action()) {
            case OrderAction.Pin pin -> pin(pin);
            case OrderAction.Unpin unpin -> OrderResult.done(node.store().unpin(unpin.keys()));
            case OrderAction.Clear clear -> clear(clear);
            case OrderAction.Move move -> move(move, deadline);
            case OrderAction.Health _ -> health();
            case OrderAction.QueryNode _ -> query();
        };
    }

    private OrderResult pin(OrderAction.Pin pin) {
        if (!node.store().pin(pin.keys(), node.after(pin.ttl()))) {
            return OrderResult.failed(
                    TransferErrorCode.NOT_FOUND, "not all of the " + pin.keys().size() + " chunks are here");
        }
        return OrderResult.done(pin.keys().size());
    }

    private OrderResult clear(OrderAction.Clear clear) {
        boolean here = clear.tier().map(tier -> tier == Tier.HOST).orElse(true);
        return OrderResult.done(here ? node.store().clear() : 0);
    }

    private OrderResult move(OrderAction.Move move, Deadline deadline) {
        List<StoredChunk> chunks = acquire(move.keys());
        if (chunks.isEmpty()) {
            return OrderResult.failed(
                    TransferErrorCode.NOT_FOUND, "none of the " + move.keys().size() + " chunks is here");
        }
        CompletionStage<Void> released = send(move, chunks, deadline);
        TimedWait.until(released, deadline, node.engine().scheduler());
        if (!move.keepSource()) {
            chunks.forEach(chunk -> node.store().drop(chunk.id()));
        }
        return OrderResult.done(chunks.size());
    }

    private List<StoredChunk> acquire(ChunkKeys keys) {
        List<StoredChunk> chunks = new ArrayList<>();
        for (int i = 0; i < keys.size(); i++) {
            StoredChunk chunk = node.store().acquire(new ChunkId(keys.key(i)));
            if (chunk != null) {
                chunks.add(chunk);
            }
        }
        return chunks;
    }

    /**
     * Sends what the destination lacks, waits until it has confirmed it, and lets go of the chunks.
     *
     * @return completes once they are let go of
     */
    private CompletionStage<Void> send(OrderAction.Move move, List<StoredChunk> chunks, Deadline deadline) {
        CompletionStage<Void> quiescent = CompletableFuture.completedStage(null);
        try {
            PeerAddress destination =
                    PeerAddress.parse(move.addresses().getOrDefault(NodeRegistration.PEER_CONTROL, ""));
            TransferId id = TransferId.random();
            List<Integer> wanted = offer(destination, id, chunks, deadline);
            if (!wanted.isEmpty()) {
                int[] slots =
                        wanted.stream().mapToInt(i -> chunks.get(i).slot()).toArray();
                TransferRequest write = TransferRequest.write(
                                id, destination, node.pool().blocks(slots, wanted))
                        .deadline(deadline)
                        .confirm();
                try (Transfer transfer = node.engine().prepare(write, deadline)) {
                    quiescent = transfer.whenQuiescent();
                    transfer.submit();
                    node.counters().lent(transfer.await(deadline).orThrow().bytes());
                }
            }
        } finally {
            quiescent = quiescent.thenRun(() -> node.store().release(chunks));
        }
        return quiescent;
    }

    private List<Integer> offer(PeerAddress destination, TransferId id, List<StoredChunk> chunks, Deadline deadline) {
        ChunkKeys keys =
                ChunkKeys.of(chunks.stream().map(chunk -> chunk.id().bytes()).toList());
        ChunkRequest request = new ChunkRequest(id, node.chain().scheme(), keys, deadline.remainingNanos());
        return ChunkRequest.readWanted(
                node.engine().notify(destination, ChunkRequest.TAKE, request.payload(), deadline), keys.size());
    }

    private OrderResult health() {
        Map<String, String> details = new LinkedHashMap<>();
        boolean healthy = false;
        for (BackendStatus backend : node.engine().backends()) {
            healthy |= backend.info() != null;
            details.put("backend." + backend.name(), describe(backend.availability()));
        }
        return healthy
                ? new OrderResult(TransferErrorCode.OK, 0, "", details)
                : new OrderResult(TransferErrorCode.BACKEND_UNAVAILABLE, 0, "no backend is open", details);
    }

    private static String describe(Availability availability) {
        return switch (availability) {
            case Availability.Available available -> "available";
            case Availability.Unavailable unavailable -> unavailable.reason();
        };
    }

    private OrderResult query() {
        ChunkCounts counts = node.store().counts();
        EngineStatus engine = node.engine().status();
        Map<String, String> details = new LinkedHashMap<>();
        details.put("node", engine.identity().toString());
        details.put("scheme", node.chain().toString());
        details.put("chunks", String.valueOf(counts.stored()));
        details.put("chunks.pinned", String.valueOf(counts.pinned()));
        details.put("slots", String.valueOf(counts.slots()));
        details.put("slots.free", String.valueOf(counts.free()));
        details.put("transfers", String.valueOf(engine.transfers().size()));
        details.put("leases", String.valueOf(engine.leases()));
        details.put("quarantined-bytes", String.valueOf(engine.quarantinedBytes()));
        return new OrderResult(TransferErrorCode.OK, counts.stored(), "", details);
    }
}
