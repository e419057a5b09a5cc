package io.kvferry.control.lmcache;

import io.kvferry.control.cluster.Controller;
import io.kvferry.control.cluster.NodeView;
import io.kvferry.control.cluster.OrderAction;
import io.kvferry.control.cluster.OrderRequest;
import io.kvferry.control.cluster.OrderResult;
import io.kvferry.control.cluster.OrderStatus;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** The nodes of one instance, of both kinds: LMCache's workers are asked at their ports, KVFerry's nodes get orders. */
record Targets(List<Worker> workers, List<NodeView> nodes) {
    /** Those of an instance; NOT_FOUND if there are none. */
    static Targets of(String instance, Controller controller, Workers workers) {
        List<Worker> asked = new ArrayList<>();
        List<NodeView> ordered = new ArrayList<>();
        for (NodeView node : controller.nodes()) {
            if (node.registration().instance().equals(instance)) {
                Worker worker = workers.ofNode(node.registration().identity().nodeId());
                if (worker == null) {
                    ordered.add(node);
                } else {
                    asked.add(worker);
                }
            }
        }
        if (asked.isEmpty() && ordered.isEmpty()) {
            throw new TransferException(
                    TransferErrorCode.NOT_FOUND, Stage.TRANSFER, "instance '" + instance + "' has no worker here");
        }
        return new Targets(asked, ordered);
    }

    /** Asks each worker. */
    Map<String, CompletableFuture<OrderResult>> ask(Function<Worker, Message> request, Deadline deadline) {
        Map<String, CompletableFuture<OrderResult>> parts = new HashMap<>();
        for (Worker worker : workers) {
            parts.put(
                    worker.id().nodeId(),
                    worker.ask(request.apply(worker), deadline)
                            .thenApply(Targets::result)
                            .exceptionally(Targets::failure));
        }
        return parts;
    }

    /** Gives each node an order. */
    Map<String, CompletableFuture<OrderResult>> order(
            OrderAction action, Controller controller, Duration timeout, Deadline deadline) {
        Map<String, CompletableFuture<OrderResult>> parts = new HashMap<>();
        if (nodes.isEmpty()) {
            return parts;
        }
        List<String> ids = nodes.stream()
                .map(node -> node.registration().identity().nodeId())
                .toList();
        OrderStatus order = controller.order(new OrderRequest(action, ids, timeout), deadline);
        CompletableFuture<OrderStatus> finished =
                controller.whenFinished(order.id()).orElseGet(() -> CompletableFuture.completedFuture(order));
        order.nodes()
                .forEach(node -> parts.put(
                        node, finished.thenApply(end -> inTokens(end.results().get(node), chunkTokens(node)))));
        return parts;
    }

    /** The same result for each node. */
    Map<String, CompletableFuture<OrderResult>> refuse(String detail) {
        Map<String, CompletableFuture<OrderResult>> parts = new HashMap<>();
        OrderResult refusal = OrderResult.failed(TransferErrorCode.UNSUPPORTED, detail);
        nodes.forEach(
                node -> parts.put(node.registration().identity().nodeId(), CompletableFuture.completedFuture(refusal)));
        return parts;
    }

    /** A number for a node that has no rank: its place among those of its kind. */
    long rankOf(String id) {
        return nodes.stream()
                .map(node -> node.registration().identity().nodeId())
                .toList()
                .indexOf(id);
    }

    private int chunkTokens(String id) {
        return nodes.stream()
                .filter(node -> node.registration().identity().nodeId().equals(id))
                .mapToInt(node -> node.registration().scheme().chunkTokens())
                .findFirst()
                .orElse(0);
    }

    private static OrderResult inTokens(@Nullable OrderResult result, int chunkTokens) {
        if (result == null) {
            return OrderResult.failed(TransferErrorCode.INTERNAL, "the order ended without a result");
        }
        return new OrderResult(
                result.code(),
                result.chunks(),
                result.detail(),
                Map.of("num_tokens", String.valueOf(result.chunks() * chunkTokens)));
    }

    private static OrderResult result(Message answer) {
        Object tokens = answer.values().get("num_tokens");
        return tokens instanceof Long count && count >= 0
                ? new OrderResult(TransferErrorCode.OK, 0, "", Map.of("num_tokens", count.toString()))
                : OrderResult.failed(TransferErrorCode.PROTOCOL_ERROR, "the worker says num_tokens=" + tokens);
    }

    private static OrderResult failure(Throwable failure) {
        Throwable cause =
                failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
        return cause instanceof TransferException known
                ? OrderResult.failed(known.code(), known.error().detail())
                : OrderResult.failed(TransferErrorCode.INTERNAL, String.valueOf(cause));
    }
}
