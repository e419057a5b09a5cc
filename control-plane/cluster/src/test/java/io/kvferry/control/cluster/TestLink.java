package io.kvferry.control.cluster;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.TransferErrorCode;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

/** A node's link that answers only when the test does: until then the node is frozen. */
final class TestLink implements NodeLink {
    final Map<String, CompletableFuture<OrderResult>> orders = new ConcurrentHashMap<>();
    final List<String> syncRequests = new CopyOnWriteArrayList<>();
    final List<TransferErrorCode> ends = new CopyOnWriteArrayList<>();

    @Override
    public CompletionStage<OrderResult> send(NodeOrder order, Deadline deadline) {
        return orders.computeIfAbsent(order.id(), _ -> new CompletableFuture<>());
    }

    @Override
    public void requestSync(String reason) {
        syncRequests.add(reason);
    }

    @Override
    public void end(TransferErrorCode code, String detail) {
        ends.add(code);
    }
}
