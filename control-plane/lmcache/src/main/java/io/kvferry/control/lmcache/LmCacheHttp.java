package io.kvferry.control.lmcache;

import io.kvferry.control.cluster.Controller;
import io.kvferry.control.cluster.HttpExtension;
import io.kvferry.control.cluster.Lookup;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** The paths of {@code lmcache_controller}, with its bodies. Thread-safe. */
final class LmCacheHttp implements HttpExtension {
    private static final Endpoint WORKERS = new Endpoint("GET", "/controller/workers");
    private static final Map<String, MessageType> PATHS = paths();

    private final Orchestrator orchestrator;
    private final Remarks remarks;
    private final LmCacheCounters counters;

    LmCacheHttp(Orchestrator orchestrator, Controller controller, Workers workers, LmCacheCounters counters) {
        this.orchestrator = orchestrator;
        this.remarks = new Remarks(controller, workers);
        this.counters = counters;
    }

    private static Map<String, MessageType> paths() {
        Map<String, MessageType> paths = new LinkedHashMap<>();
        paths.put("/query_instance", MessageType.QUERY_INST);
        paths.put("/lookup", MessageType.LOOKUP);
        paths.put("/clear", MessageType.CLEAR);
        paths.put("/pin", MessageType.PIN);
        paths.put("/compress", MessageType.COMPRESS);
        paths.put("/decompress", MessageType.DECOMPRESS);
        paths.put("/move", MessageType.MOVE);
        paths.put("/health", MessageType.HEALTH);
        paths.put("/check_finish", MessageType.CHECK_FINISH);
        paths.put("/query_worker_info", MessageType.QUERY_WORKER_INFO);
        return paths;
    }

    @Override
    public List<Endpoint> endpoints() {
        List<Endpoint> endpoints = new ArrayList<>();
        PATHS.keySet().forEach(path -> endpoints.add(new Endpoint("POST", path)));
        endpoints.add(WORKERS);
        return endpoints;
    }

    @Override
    public Answer answer(Endpoint endpoint, Map<String, String> query, byte[] body, Deadline deadline) {
        MessageType type = PATHS.get(endpoint.path());
        try {
            return type == null ? workers(query) : message(type, body, deadline);
        } catch (MalformedMessageException e) {
            throw new IllegalArgumentException(e.getMessage(), e);
        }
    }

    private Answer message(MessageType type, byte[] body, Deadline deadline) throws MalformedMessageException {
        Map<Object, @Nullable Object> request = new LinkedHashMap<>(MessageCodec.jsonMap(body));
        request.put("type", type.tag());
        request.putIfAbsent("event_id", type.tag().replace("Msg", "") + UUID.randomUUID());
        if (type == MessageType.MOVE && request.containsKey("should_copy")) {
            request.put("copy", request.remove("should_copy"));
        }
        if (type == MessageType.LOOKUP && request.containsKey("hashes")) {
            request.putIfAbsent("tokens", List.of());
        }
        Message answer = orchestrator.handle(Message.read(request), deadline);
        Map<String, @Nullable Object> fields = new LinkedHashMap<>(answer.values());
        fields.putAll(answer.extras());
        if (type == MessageType.QUERY_INST) {
            fields.put("res", fields.remove("instance_id"));
        }
        return new Answer(200, MessageCodec.jsonBytes(fields));
    }

    private Answer workers(Map<String, String> query) {
        String instance = query.get("instance_id");
        String rank = query.get("worker_id");
        if (instance == null && rank != null) {
            throw new IllegalArgumentException("worker_id needs instance_id");
        }
        List<Map<String, @Nullable Object>> infos =
                orchestrator.infos().counted(instance, rank == null ? null : Long.valueOf(rank));
        if (instance != null && infos.isEmpty()) {
            throw new TransferException(
                    TransferErrorCode.NOT_FOUND, Stage.TRANSFER, "instance '" + instance + "' has no such worker here");
        }
        return new Answer(
                200,
                MessageCodec.jsonBytes(
                        rank == null ? Map.of("workers", infos, "total_count", infos.size()) : infos.getFirst()));
    }

    @Override
    public List<Metric> metrics() {
        List<Metric> metrics = new ArrayList<>();
        counters.snapshot()
                .forEach((name, count) -> metrics.add(new Metric(
                        "kvferry_lmcache_" + name,
                        "What the sockets for LMCache workers count as " + name.replace('_', ' ') + ".",
                        true,
                        Map.of(),
                        count.doubleValue())));
        counters.messages()
                .forEach((socket, count) -> metrics.add(new Metric(
                        "lmcache:cache_controller_" + socket + "_socket_message_count",
                        "Messages that came to the " + socket + " socket.",
                        false,
                        Map.of("role", "controller"),
                        count.doubleValue())));
        metrics.add(new Metric(
                "kvferry_lmcache_held_bytes",
                "Memory for what LMCache workers hold, beside the index.",
                false,
                Map.of(),
                (double) remarks.workers().heldBytes()));
        return metrics;
    }

    @Override
    public List<String> remarks(Lookup lookup) {
        return remarks.about(lookup);
    }
}
