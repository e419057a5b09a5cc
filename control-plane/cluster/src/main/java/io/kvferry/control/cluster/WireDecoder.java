package io.kvferry.control.cluster;

import com.google.protobuf.ByteString;
import io.kvferry.control.cluster.wire.ClusterProto;
import io.kvferry.control.grpc.wire.CommonProto;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Messages of the wire to values; {@link WireEncoder} is the way back.
 *
 * <p>Whatever a message says, the outcome is a value within its limits or a {@link TransferException} with PROTOCOL_ERROR
 * that names the field.
 */
final class WireDecoder {
    /** Keys of one look-up or order: the prefix of four million tokens, and within what a store takes. */
    static final int MAX_KEYS = 16_384;

    private static final int MAX_ORDER_ID = 64;
    private static final int MAX_TARGETS = 65_536;
    private static final int MAX_DETAILS = 64;
    private static final int MAX_DETAIL = 1024;
    private static final int USUAL_HOLDERS = 4;

    private WireDecoder() {}

    static NodeRegistration registration(ClusterProto.Register register) {
        require(register.hasSelf(), "self", "is missing");
        require(register.hasScheme(), "scheme", "is missing");
        PeerIdentity identity = identity(register.getSelf(), "self.node_id");
        KeyScheme scheme = scheme(register.getScheme());
        return valid(
                "register",
                () -> new NodeRegistration(
                        identity,
                        register.getInstance().isEmpty() ? identity.nodeId() : register.getInstance(),
                        register.getAddressesMap(),
                        scheme,
                        Math.max(1, register.getSchemaVersion()),
                        register.getSoftware()));
    }

    private static PeerIdentity identity(CommonProto.NodeIdentity identity, String field) {
        return valid(field, () -> new PeerIdentity(identity.getNodeId(), identity.getBootId()));
    }

    private static KeyScheme scheme(ClusterProto.KeyScheme scheme) {
        return valid("scheme", () -> new KeyScheme(scheme.getName(), scheme.getKeyBytes(), scheme.getChunkTokens()));
    }

    static NodeStats stats(ClusterProto.KeepAlive stats) {
        return valid(
                "keep_alive",
                () -> new NodeStats(
                        Integer.compareUnsigned(stats.getLoadPercent(), 100) > 0 ? 100 : stats.getLoadPercent(),
                        stats.getPoolBytes(),
                        stats.getUsedBytes(),
                        stats.getTransfersInFlight(),
                        stats.getQuarantinedBytes(),
                        stats.getMovedBytes(),
                        stats.getRequestedTokens(),
                        stats.getHitTokens()));
    }

    static Tier tier(int number) {
        require(Tier.isNumber(number), "tier", number + " is not 1 to 4");
        return Tier.ofNumber(number);
    }

    static ChunkKeys keys(ByteString bytes, int keyBytes, String field) {
        return valid(field, () -> ChunkKeys.owning(keyBytes, bytes.toByteArray()));
    }

    /** Keys of a look-up or an order: at least one, and not more than {@link #MAX_KEYS}. */
    private static ChunkKeys someKeys(ByteString bytes, int keyBytes) {
        require(!bytes.isEmpty(), "keys", "is missing");
        require(keyBytes >= 1 && keyBytes <= ChunkKeys.MAX_KEY_BYTES, "key_bytes", "is missing, or not 1 to 32");
        require(bytes.size() / keyBytes <= MAX_KEYS, "keys", "are more than " + MAX_KEYS + "; ask or order in parts");
        return keys(bytes, keyBytes, "keys");
    }

    static Optional<IndexDigest> digest(boolean present, ClusterProto.Digest digest) {
        return present ? Optional.of(new IndexDigest(digest.getCount(), digest.getSum())) : Optional.empty();
    }

    static ChunkBatch batch(ClusterProto.Batch batch, int keyBytes) {
        require(batch.getSequence() >= 1, "sequence", "is missing, 0 or above 2^63-1");
        return new ChunkBatch(
                batch.getSequence(),
                tier(batch.getTierValue()),
                keys(batch.getEvicted(), keyBytes, "evicted"),
                keys(batch.getAdmitted(), keyBytes, "admitted"),
                digest(batch.hasDigest(), batch.getDigest()));
    }

    static Lookup lookup(ClusterProto.LookupRequest request) {
        ChunkKeys keys = someKeys(request.getKeys(), request.getKeyBytes());
        int maxHolders = request.getMaxHolders() == 0 ? USUAL_HOLDERS : request.getMaxHolders();
        return valid("max_holders", () -> new Lookup(request.getScheme(), keys, request.getExclude(), maxHolders));
    }

    static LookupAnswer answer(ClusterProto.LookupReply reply) {
        require(reply.getHoldersCount() <= Lookup.MAX_HOLDERS, "holders", "are more than " + Lookup.MAX_HOLDERS);
        require(reply.getPrefixChunks() >= 0, "prefix_chunks", "is above 2147483647");
        return new LookupAnswer(
                reply.getPrefixChunks(),
                reply.getHoldersList().stream().map(WireDecoder::holder).toList(),
                !reply.getIndexIncomplete());
    }

    private static Holder holder(ClusterProto.Holder holder) {
        require(holder.getChunks() >= 1, "holders.chunks", "is missing, 0 or above 2147483647");
        require(holder.hasNode(), "holders.node", "is missing");
        require(holder.hasScheme(), "holders.scheme", "is missing");
        PeerIdentity identity = identity(holder.getNode(), "holders.node");
        KeyScheme scheme = scheme(holder.getScheme());
        NodeRegistration node = valid(
                "holders",
                () -> new NodeRegistration(
                        identity,
                        holder.getInstance().isEmpty() ? identity.nodeId() : holder.getInstance(),
                        holder.getAddressesMap(),
                        scheme,
                        NodeRegistration.SCHEMA_VERSION,
                        ""));
        return new Holder(
                node,
                holder.getChunks(),
                tier(holder.getTierValue()),
                Math.clamp(Integer.toUnsignedLong(holder.getLoadPercent()), 0, 100));
    }

    static Explanation explanation(ClusterProto.ExplainReply reply) {
        for (Explanation.Reason reason : Explanation.Reason.values()) {
            if (reason.number() == reply.getReasonValue()) {
                return new Explanation(reason, reply.getPrefixChunks(), reply.getFirstMissing(), reply.getDetail());
            }
        }
        return new Explanation(
                Explanation.Reason.NOT_HELD, reply.getPrefixChunks(), reply.getFirstMissing(), reply.getDetail());
    }

    static OrderAction action(ClusterProto.Action action) {
        return switch (action.getKindCase()) {
            case PIN -> {
                ChunkKeys keys =
                        someKeys(action.getPin().getKeys(), action.getPin().getKeyBytes());
                yield new OrderAction.Pin(keys, time(action.getPin().getTtlNanos(), "pin.ttl_nanos"));
            }
            case UNPIN ->
                new OrderAction.Unpin(
                        someKeys(action.getUnpin().getKeys(), action.getUnpin().getKeyBytes()));
            case CLEAR -> {
                int tier = action.getClear().getTierValue();
                yield new OrderAction.Clear(tier == 0 ? Optional.empty() : Optional.of(tier(tier)));
            }
            case MOVE -> {
                ClusterProto.Move move = action.getMove();
                require(move.hasDestination(), "move.destination", "is missing");
                yield new OrderAction.Move(
                        someKeys(move.getKeys(), move.getKeyBytes()),
                        identity(move.getDestination(), "move.destination"),
                        move.getAddressesMap(),
                        move.getKeepSource());
            }
            case HEALTH -> new OrderAction.Health();
            case QUERY_NODE -> new OrderAction.QueryNode();
            case KIND_NOT_SET -> throw malformed("action", "is missing, or of a kind that this version does not know");
        };
    }

    static OrderRequest order(ClusterProto.PlaceOrderRequest request, Duration usualTimeout) {
        require(request.getNodesCount() <= MAX_TARGETS, "nodes", "are more than " + MAX_TARGETS);
        return new OrderRequest(
                action(request.getAction()),
                List.copyOf(request.getNodesList()),
                request.getTimeoutNanos() == 0 ? usualTimeout : time(request.getTimeoutNanos(), "timeout_nanos"));
    }

    static NodeOrder order(ClusterProto.Order order) {
        return new NodeOrder(orderId(order.getId()), action(order.getAction()));
    }

    static String orderId(String id) {
        require(!id.isEmpty() && id.length() <= MAX_ORDER_ID, "id", "has not 1 to 64 characters");
        return id;
    }

    static OrderResult result(ClusterProto.OrderResult result) {
        require(result.getDetailsCount() <= MAX_DETAILS, "details", "are more than " + MAX_DETAILS);
        require(result.getChunks() >= 0, "chunks", "are more than 2^63-1");
        Map<String, String> details = new HashMap<>();
        result.getDetailsMap().forEach((name, value) -> details.put(cut(name), cut(value)));
        return new OrderResult(
                TransferErrorCode.ofNumber(result.getCode()), result.getChunks(), result.getDetail(), details);
    }

    static OrderStatus status(ClusterProto.OrderReply reply) {
        Map<String, OrderResult> results = new HashMap<>();
        reply.getResultsMap().forEach((node, result) -> results.put(node, result(result)));
        return new OrderStatus(
                orderId(reply.getId()),
                new OrderRequest(
                        action(reply.getAction()),
                        List.copyOf(reply.getTargetsList()),
                        time(reply.getTimeoutNanos(), "timeout_nanos")),
                List.copyOf(reply.getNodesList()),
                results);
    }

    static NodeView node(ClusterProto.Node node) {
        require(node.hasRegistration(), "nodes.registration", "is missing");
        return new NodeView(
                registration(node.getRegistration()),
                switch (node.getState()) {
                    case NODE_STATE_LIVE -> NodeState.LIVE;
                    case NODE_STATE_SUSPECT, NODE_STATE_UNSPECIFIED, UNRECOGNIZED -> NodeState.SUSPECT;
                },
                Duration.ofNanos(node.getSinceHeardNanos()),
                Duration.ofNanos(node.getLeaseLeftNanos()),
                node.getConnected(),
                node.getSynced(),
                node.getChunks(),
                stats(node.getStats()));
    }

    static Duration time(long nanos, String field) {
        require(nanos >= 1, field, "is missing, 0 or negative");
        return Duration.ofNanos(nanos);
    }

    private static String cut(String text) {
        return text.length() <= MAX_DETAIL ? text : text.substring(0, MAX_DETAIL - 1) + "…";
    }

    private static <T> T valid(String field, Supplier<T> value) {
        try {
            return value.get();
        } catch (IllegalArgumentException e) {
            throw malformed(field, String.valueOf(e.getMessage()));
        }
    }

    private static void require(boolean satisfied, String field, String problem) {
        if (!satisfied) {
            throw malformed(field, problem);
        }
    }

    static TransferException malformed(String field, String problem) {
        return new TransferException(TransferErrorCode.PROTOCOL_ERROR, Stage.REGISTER, field + ": " + problem);
    }
}
