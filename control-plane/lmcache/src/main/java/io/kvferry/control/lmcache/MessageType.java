package io.kvferry.control.lmcache;

import static io.kvferry.control.lmcache.Field.defaulting;
import static io.kvferry.control.lmcache.Field.emptyList;
import static io.kvferry.control.lmcache.Field.emptyMap;
import static io.kvferry.control.lmcache.Field.integer;
import static io.kvferry.control.lmcache.Field.integers;
import static io.kvferry.control.lmcache.Field.nullableDefaulting;
import static io.kvferry.control.lmcache.Field.optional;
import static io.kvferry.control.lmcache.Field.required;
import static io.kvferry.control.lmcache.Field.text;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Every message of LMCache's controller, its fields in the order they are sent in. A field that its newest generation requires
 * and an older one lacks is optional here: that {@code peer_init_url} was required broke rolling upgrades.
 */
enum MessageType {
    // From a worker, one way.
    DEREGISTER("DeRegisterMsg", text("instance_id"), integer("worker_id"), text("ip"), integer("port")),
    KV_ADMIT(
            "KVAdmitMsg",
            text("instance_id"),
            integer("worker_id"),
            integer("key"),
            text("location"),
            defaulting(FieldKind.INTEGER, "seq_num", 0L)),
    KV_EVICT(
            "KVEvictMsg",
            text("instance_id"),
            integer("worker_id"),
            integer("key"),
            text("location"),
            defaulting(FieldKind.INTEGER, "seq_num", 0L)),
    BATCHED_KV_OPERATION(
            "BatchedKVOperationMsg",
            text("instance_id"),
            integer("worker_id"),
            text("location"),
            required(FieldKind.EVENTS, "operations")),
    FULL_SYNC_BATCH(
            "FullSyncBatchMsg",
            text("instance_id"),
            integer("worker_id"),
            text("location"),
            text("sync_id"),
            integer("batch_id"),
            integers("keys")),
    FULL_SYNC_END(
            "FullSyncEndMsg",
            text("instance_id"),
            integer("worker_id"),
            text("location"),
            text("sync_id"),
            integer("actual_total_keys")),

    // From a worker, which waits for the answer.
    REGISTER(
            "RegisterMsg",
            text("instance_id"),
            integer("worker_id"),
            text("ip"),
            integer("port"),
            optional(FieldKind.TEXT, "peer_init_url")),
    REGISTER_RET("RegisterRetMsg", emptyMap(FieldKind.TEXT_MAP, "extra_config")),
    HEARTBEAT(
            "HeartbeatMsg",
            text("instance_id"),
            integer("worker_id"),
            text("ip"),
            integer("port"),
            optional(FieldKind.TEXT, "peer_init_url")),
    HEARTBEAT_RET("HeartbeatRetMsg", emptyList(FieldKind.COMMANDS, "commands")),
    BATCHED_P2P_LOOKUP("BatchedP2PLookupMsg", integers("hashes"), text("instance_id"), integer("worker_id")),
    BATCHED_P2P_LOOKUP_RET("BatchedP2PLookupRetMsg", required(FieldKind.LAYOUTS, "layout_info")),
    FULL_SYNC_START(
            "FullSyncStartMsg",
            text("instance_id"),
            integer("worker_id"),
            text("location"),
            text("sync_id"),
            integer("total_keys"),
            integer("batch_count")),
    FULL_SYNC_START_RET(
            "FullSyncStartRetMsg",
            text("sync_id"),
            required(FieldKind.BOOLEAN, "accepted"),
            optional(FieldKind.TEXT, "error_msg")),
    FULL_SYNC_STATUS("FullSyncStatusMsg", text("instance_id"), integer("worker_id"), text("sync_id")),
    FULL_SYNC_STATUS_RET(
            "FullSyncStatusRetMsg",
            text("sync_id"),
            required(FieldKind.BOOLEAN, "is_complete"),
            required(FieldKind.REAL, "global_progress"),
            required(FieldKind.BOOLEAN, "can_exit_freeze"),
            emptyList(FieldKind.INTEGERS, "missing_batches")),

    // From the controller to a worker, which answers.
    CLEAR_WORKER("ClearWorkerMsg", text("worker_event_id"), text("location")),
    CLEAR_WORKER_RET("ClearWorkerRetMsg", integer("num_tokens")),
    PIN_WORKER("PinWorkerMsg", text("worker_event_id"), text("location"), integers("tokens")),
    PIN_WORKER_RET("PinWorkerRetMsg", integer("num_tokens")),
    COMPRESS_WORKER(
            "CompressWorkerMsg",
            text("worker_event_id"),
            text("method"),
            text("location"),
            optional(FieldKind.INTEGERS, "tokens")),
    COMPRESS_WORKER_RET("CompressWorkerRetMsg", integer("num_tokens")),
    DECOMPRESS_WORKER(
            "DecompressWorkerMsg",
            text("worker_event_id"),
            text("method"),
            text("location"),
            optional(FieldKind.INTEGERS, "tokens")),
    DECOMPRESS_WORKER_RET("DecompressWorkerRetMsg", integer("num_tokens")),
    MOVE_WORKER(
            "MoveWorkerMsg",
            text("worker_event_id"),
            text("old_position"),
            required(FieldKind.PAIR, "new_position"),
            optional(FieldKind.INTEGERS, "tokens"),
            nullableDefaulting(FieldKind.BOOLEAN, "copy", true)),
    MOVE_WORKER_RET("MoveWorkerRetMsg", integer("num_tokens")),
    HEALTH_WORKER("HealthWorkerMsg", text("worker_event_id")),
    HEALTH_WORKER_RET("HealthWorkerRetMsg", integer("error_code")),
    CHECK_FINISH_WORKER("CheckFinishWorkerMsg", text("worker_event_id")),
    CHECK_FINISH_WORKER_RET("CheckFinishWorkerRetMsg", text("status")),

    // From people's tools.
    QUERY_INST("QueryInstMsg", text("event_id"), text("ip")),
    QUERY_INST_RET("QueryInstRetMsg", text("event_id"), optional(FieldKind.TEXT, "instance_id")),
    LOOKUP("LookupMsg", text("event_id"), integers("tokens")),
    LOOKUP_RET("LookupRetMsg", text("event_id"), required(FieldKind.LAYOUT_MAP, "layout_info")),
    CLEAR("ClearMsg", text("event_id"), text("instance_id"), text("location")),
    CLEAR_RET("ClearRetMsg", text("event_id"), integer("num_tokens")),
    PIN("PinMsg", text("event_id"), text("instance_id"), text("location"), integers("tokens")),
    PIN_RET("PinRetMsg", text("event_id"), integer("num_tokens")),
    COMPRESS(
            "CompressMsg",
            text("event_id"),
            text("instance_id"),
            text("method"),
            text("location"),
            optional(FieldKind.INTEGERS, "tokens")),
    COMPRESS_RET("CompressRetMsg", text("event_id"), integer("num_tokens")),
    DECOMPRESS(
            "DecompressMsg",
            text("event_id"),
            text("instance_id"),
            text("method"),
            text("location"),
            optional(FieldKind.INTEGERS, "tokens")),
    DECOMPRESS_RET("DecompressRetMsg", text("event_id"), integer("num_tokens")),
    MOVE(
            "MoveMsg",
            text("event_id"),
            required(FieldKind.PAIR, "old_position"),
            required(FieldKind.PAIR, "new_position"),
            optional(FieldKind.INTEGERS, "tokens"),
            nullableDefaulting(FieldKind.BOOLEAN, "copy", false)),
    MOVE_RET("MoveRetMsg", text("event_id"), integer("num_tokens")),
    HEALTH("HealthMsg", text("event_id"), text("instance_id")),
    HEALTH_RET("HealthRetMsg", text("event_id"), required(FieldKind.INTEGER_MAP, "error_codes")),
    CHECK_FINISH("CheckFinishMsg", text("event_id")),
    CHECK_FINISH_RET("CheckFinishRetMsg", text("status")),
    QUERY_WORKER_INFO(
            "QueryWorkerInfoMsg", text("event_id"), text("instance_id"), optional(FieldKind.INTEGERS, "worker_ids")),
    QUERY_WORKER_INFO_RET("QueryWorkerInfoRetMsg", text("event_id"), required(FieldKind.WORKER_INFOS, "worker_infos")),

    // In place of any answer.
    ERROR("ErrorMsg", text("error"));

    private static final Map<String, MessageType> BY_TAG = new HashMap<>();

    static {
        for (MessageType type : values()) {
            BY_TAG.put(type.tag, type);
        }
    }

    private final String tag;

    @SuppressWarnings("ImmutableEnumChecker") // made by List.of, of records of immutable values
    private final List<Field> fields;

    private final boolean hasWorker;

    MessageType(String tag, Field... fields) {
        this.tag = tag;
        this.fields = List.of(fields);
        this.hasWorker = this.fields.stream().anyMatch(field -> field.name().equals("worker_id"));
    }

    static @Nullable MessageType ofTag(String tag) {
        return BY_TAG.get(tag);
    }

    /** The type that answers this one; null if there is none. */
    @Nullable
    MessageType answer() {
        return tag.endsWith("Msg") ? ofTag(tag.substring(0, tag.length() - "Msg".length()) + "RetMsg") : null;
    }

    /** What the key {@code type} holds. */
    String tag() {
        return tag;
    }

    /** Whether it says which worker it is from. */
    boolean hasWorker() {
        return hasWorker;
    }

    List<Field> fields() {
        return fields;
    }
}
