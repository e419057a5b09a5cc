package io.kvferry.control.lmcache;

import io.kvferry.spi.BackendConfig;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What each message of a worker does and is answered with. Thread-safe; registering waits for the store. */
final class WorkerProtocol {
    /** Part of the workers that must have synced before one may serve again, as in LMCache. */
    private static final double COMPLETION_THRESHOLD = 0.8;

    private final Workers workers;
    private final BackendConfig config;
    private final LmCacheCounters counters;
    private final Map<String, String> registerConfig;

    /** @param registerConfig what a worker is told when it registers */
    WorkerProtocol(
            Workers workers, BackendConfig config, LmCacheCounters counters, Map<String, String> registerConfig) {
        this.workers = workers;
        this.config = config;
        this.counters = counters;
        this.registerConfig = registerConfig;
    }

    /** Tells whether a message may wait for the store, so that it should not hold up others. */
    static boolean mayWait(Message message) {
        return switch (message.type()) {
            case REGISTER, HEARTBEAT, DEREGISTER -> true;
            default -> false;
        };
    }

    /**
     * Acts on a message.
     *
     * @return the answer; null where the sender expects none
     */
    @Nullable
    Message handle(Message message) throws MalformedMessageException {
        return switch (message.type()) {
            case REGISTER -> {
                Worker ignored = workers.register(message, "");
                yield Message.of(MessageType.REGISTER_RET, registerConfig);
            }
            case HEARTBEAT -> heartbeat(message);
            case DEREGISTER -> {
                workers.deregister(WorkerId.of(message));
                yield null;
            }
            case KV_ADMIT, KV_EVICT -> {
                boolean admit = message.type() == MessageType.KV_ADMIT;
                KvOperation operation = new KvOperation(admit, message.key("key"), message.integer("seq_num"));
                holdings(message).operate(message.text("location"), List.of(operation));
                yield null;
            }
            case BATCHED_KV_OPERATION -> {
                holdings(message).operate(message.text("location"), message.operations());
                yield null;
            }
            case BATCHED_P2P_LOOKUP -> lookup(message);
            case FULL_SYNC_START -> startSync(message);
            case FULL_SYNC_BATCH -> {
                holdings(message)
                        .addToFullSync(message.text("sync_id"), message.integer("batch_id"), message.keys("keys"));
                yield null;
            }
            case FULL_SYNC_END -> {
                holdings(message).endFullSync(message.text("sync_id"), message.integer("actual_total_keys"));
                yield null;
            }
            case FULL_SYNC_STATUS -> syncStatus(message);
            default ->
                throw new MalformedMessageException(
                        message.type().tag() + " is nothing that a worker sends; people's tools use HTTP");
        };
    }

    /** What the sender holds; whatever it sends is a sign of life. */
    private Holdings holdings(Message message) throws MalformedMessageException {
        WorkerId id = WorkerId.of(message);
        Optional<Worker> worker = workers.find(id);
        if (worker.isEmpty()) {
            counters.count(LmCacheCounters.Name.UNKNOWN_WORKERS);
            throw new MalformedMessageException(
                    "worker " + id + " is not registered; send RegisterMsg or HeartbeatMsg");
        }
        worker.get().heard();
        return worker.get().holdings();
    }

    private Message heartbeat(Message message) throws MalformedMessageException {
        Worker worker = workers.find(WorkerId.of(message)).orElse(null);
        if (worker == null || !worker.keepAlive()) {
            worker = workers.register(message, "controller_restart");
        }
        String reason = worker.holdings().takeStaleReason();
        List<Object> commands = new ArrayList<>();
        if (!reason.isEmpty()) {
            Map<String, Object> command = new LinkedHashMap<>();
            command.put("type", "full_sync");
            command.put("reason", reason);
            command.put("args", Map.of());
            commands.add(command);
        }
        return Message.of(MessageType.HEARTBEAT_RET, commands);
    }

    private Message lookup(Message message) throws MalformedMessageException {
        Workers.Found found = workers.lookup(WorkerId.of(message), message.keys("hashes"));
        Message answer = Message.of(
                MessageType.BATCHED_P2P_LOOKUP_RET,
                List.of(List.of(found.instance(), found.location(), (long) found.chunks(), found.url())));
        return found.explanation().isEmpty() ? answer : answer.with(Map.of("explanation", found.explanation()));
    }

    private Message startSync(Message message) throws MalformedMessageException {
        String id = message.text("sync_id");
        String refusal = holdings(message)
                .beginFullSync(
                        id,
                        message.text("location"),
                        message.integer("batch_count"),
                        config.get(LmCacheConfigKeys.SYNC_TIMEOUT));
        return Message.of(MessageType.FULL_SYNC_START_RET, id, refusal == null, refusal);
    }

    private Message syncStatus(Message message) throws MalformedMessageException {
        String id = message.text("sync_id");
        Holdings.SyncStatus status = holdings(message).fullSyncStatus(id);
        double progress = workers.syncedPart();
        return Message.of(
                MessageType.FULL_SYNC_STATUS_RET,
                id,
                status.complete(),
                progress,
                progress >= COMPLETION_THRESHOLD,
                status.missing());
    }
}
