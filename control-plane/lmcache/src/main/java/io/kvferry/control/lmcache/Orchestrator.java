package io.kvferry.control.lmcache;

import io.kvferry.control.cluster.Controller;
import io.kvferry.control.cluster.OrderAction;
import io.kvferry.control.cluster.OrderRequest;
import io.kvferry.control.cluster.OrderResult;
import io.kvferry.control.cluster.OrderStatus;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * What people's tools ask of LMCache's controller, on the index and the orders of the cluster: an instance may have workers of
 * LMCache, nodes of KVFerry, or both.
 *
 * <p>Thread-safe; blocks until the workers have answered, at most until the deadline.
 */
final class Orchestrator {
    private static final int UNREACHED = -1002;
    private static final int REFUSED = -1001;
    private static final int UNREADABLE = -1003;

    private final Controller controller;
    private final Workers workers;
    private final BackendConfig config;
    private final TokenLookup lookup;
    private final WorkerInfos infos;
    private final Operations operations = new Operations();

    Orchestrator(Controller controller, Workers workers, BackendConfig config, @Nullable TokenHash hash) {
        this.controller = controller;
        this.workers = workers;
        this.config = config;
        this.lookup = new TokenLookup(controller, workers, config, hash);
        this.infos = new WorkerInfos(controller, workers);
    }

    WorkerInfos infos() {
        return infos;
    }

    static boolean takes(MessageType type) {
        return switch (type) {
            case QUERY_INST, LOOKUP, CLEAR, PIN, COMPRESS, DECOMPRESS, MOVE, HEALTH, CHECK_FINISH, QUERY_WORKER_INFO ->
                true;
            default -> false;
        };
    }

    /**
     * Acts on a message and waits for the outcome.
     *
     * @throws TransferException NOT_FOUND for who is not registered; the code of the first worker that failed
     */
    Message handle(Message message, Deadline deadline) throws MalformedMessageException {
        String id = message.text("event_id");
        return switch (message.type()) {
            case QUERY_INST -> Message.of(MessageType.QUERY_INST_RET, id, infos.instanceAt(message.text("ip")));
            case LOOKUP -> lookup.lookup(id, message);
            case CLEAR, PIN, COMPRESS, DECOMPRESS -> tokens(id, message, deadline);
            case MOVE -> move(id, message, deadline);
            case HEALTH -> health(id, message.text("instance_id"), deadline);
            case CHECK_FINISH -> checkFinish(id);
            case QUERY_WORKER_INFO ->
                Message.of(
                        MessageType.QUERY_WORKER_INFO_RET,
                        id,
                        infos.ofInstance(message.text("instance_id"), message.optionalKeys("worker_ids")));
            default -> throw new MalformedMessageException(message.type().tag() + " is no request");
        };
    }

    private Message tokens(String id, Message message, Deadline deadline) throws MalformedMessageException {
        Targets targets = Targets.of(message.text("instance_id"), controller, workers);
        Deadline answers = answers(deadline);
        Map<String, CompletableFuture<OrderResult>> parts =
                new HashMap<>(targets.ask(_ -> WorkerRequests.of(id, message), answers));
        parts.putAll(
                switch (message.type()) {
                    case CLEAR ->
                        order(
                                targets,
                                new OrderAction.Clear(Optional.of(Locations.tier(message.text("location")))),
                                deadline);
                    case PIN ->
                        targets.nodes().isEmpty()
                                ? Map.of()
                                : order(
                                        targets,
                                        new OrderAction.Pin(
                                                lookup.keys(message), config.get(LmCacheConfigKeys.PIN_TIME)),
                                        deadline);
                    default -> targets.refuse("a KVFerry node neither compresses nor decompresses chunks");
                });
        return finished(message, id, parts, deadline);
    }

    private Message move(String id, Message message, Deadline deadline) throws MalformedMessageException {
        List<?> from = (List<?>) message.required("old_position");
        List<?> to = (List<?>) message.required("new_position");
        Targets source = Targets.of(String.valueOf(from.getFirst()), controller, workers);
        Targets destination = Targets.of(String.valueOf(to.getFirst()), controller, workers);
        boolean copy = message.isTrue("copy");
        Map<Worker, Message> requests = WorkerRequests.moves(
                id, message, source, destination, String.valueOf(from.get(1)), String.valueOf(to.get(1)));
        Map<String, CompletableFuture<OrderResult>> parts =
                new HashMap<>(source.ask(worker -> Objects.requireNonNull(requests.get(worker)), answers(deadline)));
        if (!source.nodes().isEmpty()) {
            parts.putAll(
                    destination.nodes().size() == 1
                            ? order(
                                    source,
                                    new OrderAction.Move(
                                            lookup.keys(message),
                                            destination
                                                    .nodes()
                                                    .getFirst()
                                                    .registration()
                                                    .identity(),
                                            Map.of(),
                                            copy),
                                    deadline)
                            : source.refuse(
                                    "KVFerry nodes move chunks to an instance of one KVFerry node; use /v1/orders"));
        }
        return finished(message, id, parts, deadline);
    }

    private Map<String, CompletableFuture<OrderResult>> order(Targets targets, OrderAction action, Deadline deadline) {
        return targets.order(
                action, controller, Duration.ofNanos(answers(deadline).remainingNanos()), deadline);
    }

    /** Waits, and answers with what all have done: the least of them, since a chunk is of use only where all ranks have it. */
    private Message finished(
            Message message, String id, Map<String, CompletableFuture<OrderResult>> parts, Deadline deadline) {
        Map<String, OrderResult> results = operations.add(id, parts).await(deadline);
        List<String> failed = results.entrySet().stream()
                .filter(entry -> !entry.getValue().isDone())
                .map(entry -> entry.getKey() + ": " + entry.getValue().code() + ", "
                        + entry.getValue().detail())
                .toList();
        if (!failed.isEmpty()) {
            TransferErrorCode code = results.values().stream()
                    .filter(result -> !result.isDone())
                    .findFirst()
                    .orElseThrow()
                    .code();
            throw new TransferException(
                    code,
                    Stage.TRANSFER,
                    id + ": " + failed.size() + " of " + results.size() + " workers failed: "
                            + String.join("; ", failed.subList(0, Math.min(failed.size(), 8))));
        }
        Map<String, Object> tokens = new TreeMap<>();
        results.forEach((node, result) ->
                tokens.put(node, Long.parseLong(result.details().getOrDefault("num_tokens", "0"))));
        long least =
                tokens.values().stream().mapToLong(count -> (Long) count).min().orElse(0);
        MessageType answer = message.type().answer();
        return Message.of(answer == null ? MessageType.ERROR : answer, id, least)
                .with(Map.of("workers", tokens));
    }

    private Message health(String id, String instance, Deadline deadline) {
        Targets targets = Targets.of(instance, controller, workers);
        Duration timeout = Duration.ofNanos(answers(deadline).remainingNanos());
        OrderStatus order =
                controller.order(new OrderRequest(new OrderAction.Health(), List.of(instance), timeout), deadline);
        OrderStatus end = await(order, deadline);
        Map<Object, Object> codes = new TreeMap<>();
        Map<String, Object> details = new TreeMap<>();
        end.nodes().forEach(node -> {
            Worker worker = workers.ofNode(node);
            OrderResult result = end.results().get(node);
            long rank = worker == null ? targets.rankOf(node) : worker.id().worker();
            codes.put(rank, (long) code(result));
            if (result == null || !result.isDone()) {
                details.put(node, result == null ? "no answer yet" : result.code() + ", " + result.detail());
            }
        });
        return Message.of(MessageType.HEALTH_RET, id, codes).with(Map.of("details", details, "order_id", order.id()));
    }

    private OrderStatus await(OrderStatus order, Deadline deadline) {
        try {
            return controller
                    .whenFinished(order.id())
                    .orElseGet(() -> CompletableFuture.completedFuture(order))
                    .get(Math.max(0, deadline.remainingNanos()), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException | TimeoutException e) {
            // what is known by now is the answer
        }
        return controller.order(order.id()).orElse(order);
    }

    /** LMCache's own numbers for what went wrong. */
    private static int code(@Nullable OrderResult result) {
        if (result == null) {
            return UNREACHED;
        }
        return switch (result.code()) {
            case OK -> 0;
            case TRANSFER_FAILED -> REFUSED;
            case PROTOCOL_ERROR -> UNREADABLE;
            default -> UNREACHED;
        };
    }

    private Message checkFinish(String id) {
        Optional<Operations.Operation> operation = operations.find(id);
        if (operation.isPresent()) {
            return status(operation.get().isFinished(), operation.get().results());
        }
        OrderStatus order = controller
                .order(id)
                .orElseThrow(() -> new TransferException(
                        TransferErrorCode.NOT_FOUND,
                        Stage.TRANSFER,
                        "event " + id + " is not known, or finished too long ago"));
        return status(order.isFinished(), order.results());
    }

    private static Message status(boolean finished, Map<String, OrderResult> results) {
        boolean done = results.values().stream().allMatch(OrderResult::isDone);
        Map<String, Object> workers = new TreeMap<>();
        results.forEach(
                (node, result) -> workers.put(node, result.isDone() ? "done" : result.code() + ", " + result.detail()));
        return Message.of(MessageType.CHECK_FINISH_RET, finished ? done ? "finished" : "failed" : "running")
                .with(Map.of("workers", workers));
    }

    /** Workers have to answer before whoever asks gives up. */
    private Deadline answers(Deadline deadline) {
        long most = config.get(LmCacheConfigKeys.ORDER_TIMEOUT).toNanos();
        long left = deadline.remainingNanos();
        return Deadline.afterNanos(Math.max(1, Math.min(most, left - left / 8)), deadline.ticker());
    }
}
