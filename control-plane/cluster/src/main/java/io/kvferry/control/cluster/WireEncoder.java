package io.kvferry.control.cluster;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import io.kvferry.control.cluster.wire.ClusterProto;
import io.kvferry.control.grpc.wire.CommonProto;
import io.kvferry.spi.PeerIdentity;
import java.time.Duration;

/** Values to messages of the wire; {@link WireDecoder} is the way back. */
final class WireEncoder {
    private WireEncoder() {}

    static ClusterProto.Register register(NodeRegistration registration) {
        return ClusterProto.Register.newBuilder()
                .setSelf(identity(registration.identity()))
                .setInstance(registration.instance())
                .putAllAddresses(registration.addresses())
                .setScheme(scheme(registration.scheme()))
                .setSchemaVersion(registration.schemaVersion())
                .setSoftware(registration.software())
                .build();
    }

    static CommonProto.NodeIdentity identity(PeerIdentity identity) {
        return CommonProto.NodeIdentity.newBuilder()
                .setNodeId(identity.nodeId())
                .setBootId(identity.bootId())
                .build();
    }

    private static ClusterProto.KeyScheme scheme(KeyScheme scheme) {
        return ClusterProto.KeyScheme.newBuilder()
                .setName(scheme.name())
                .setKeyBytes(scheme.keyBytes())
                .setChunkTokens(scheme.chunkTokens())
                .build();
    }

    static ClusterProto.KeepAlive stats(NodeStats stats) {
        return ClusterProto.KeepAlive.newBuilder()
                .setLoadPercent(stats.loadPercent())
                .setPoolBytes(stats.poolBytes())
                .setUsedBytes(stats.usedBytes())
                .setTransfersInFlight(stats.transfersInFlight())
                .setQuarantinedBytes(stats.quarantinedBytes())
                .setMovedBytes(stats.movedBytes())
                .setRequestedTokens(stats.requestedTokens())
                .setHitTokens(stats.hitTokens())
                .build();
    }

    static ClusterProto.Tier tier(Tier tier) {
        return switch (tier) {
            case DEVICE -> ClusterProto.Tier.TIER_DEVICE;
            case HOST -> ClusterProto.Tier.TIER_HOST;
            case DISK -> ClusterProto.Tier.TIER_DISK;
            case REMOTE -> ClusterProto.Tier.TIER_REMOTE;
        };
    }

    static ClusterProto.Digest digest(IndexDigest digest) {
        return ClusterProto.Digest.newBuilder()
                .setCount(digest.count())
                .setSum(digest.sum())
                .build();
    }

    /** Nobody changes the keys any more, so nothing is copied. */
    static ByteString keys(ChunkKeys keys) {
        return UnsafeByteOperations.unsafeWrap(keys.buffer());
    }

    static ClusterProto.Batch batch(ChunkBatch batch) {
        ClusterProto.Batch.Builder builder = ClusterProto.Batch.newBuilder()
                .setSequence(batch.sequence())
                .setTier(tier(batch.tier()))
                .setEvicted(keys(batch.evicted()))
                .setAdmitted(keys(batch.admitted()));
        batch.digest().ifPresent(digest -> builder.setDigest(digest(digest)));
        return builder.build();
    }

    static ClusterProto.LookupRequest lookup(Lookup lookup) {
        return ClusterProto.LookupRequest.newBuilder()
                .setScheme(lookup.scheme())
                .setKeys(keys(lookup.keys()))
                .setKeyBytes(lookup.keys().keyBytes())
                .setExclude(lookup.exclude())
                .setMaxHolders(lookup.maxHolders())
                .build();
    }

    static ClusterProto.LookupReply answer(LookupAnswer answer) {
        ClusterProto.LookupReply.Builder reply = ClusterProto.LookupReply.newBuilder()
                .setPrefixChunks(answer.prefixChunks())
                .setIndexIncomplete(!answer.indexComplete());
        for (Holder holder : answer.holders()) {
            reply.addHolders(ClusterProto.Holder.newBuilder()
                    .setNode(identity(holder.node().identity()))
                    .setInstance(holder.node().instance())
                    .putAllAddresses(holder.node().addresses())
                    .setScheme(scheme(holder.node().scheme()))
                    .setChunks(holder.chunks())
                    .setTier(tier(holder.tier()))
                    .setLoadPercent(holder.loadPercent()));
        }
        return reply.build();
    }

    static ClusterProto.ExplainReply explanation(Explanation explanation) {
        return ClusterProto.ExplainReply.newBuilder()
                .setReasonValue(explanation.reason().number())
                .setPrefixChunks(explanation.prefixChunks())
                .setFirstMissing(explanation.firstMissing())
                .setDetail(explanation.detail())
                .build();
    }

    static ClusterProto.Action action(OrderAction action) {
        ClusterProto.Action.Builder builder = ClusterProto.Action.newBuilder();
        switch (action) {
            case OrderAction.Pin pin ->
                builder.getPinBuilder()
                        .setKeys(keys(pin.keys()))
                        .setKeyBytes(pin.keys().keyBytes())
                        .setTtlNanos(nanos(pin.ttl()));
            case OrderAction.Unpin unpin ->
                builder.getUnpinBuilder()
                        .setKeys(keys(unpin.keys()))
                        .setKeyBytes(unpin.keys().keyBytes());
            case OrderAction.Clear clear -> {
                ClusterProto.Clear.Builder message = builder.getClearBuilder();
                clear.tier().ifPresent(tier -> message.setTier(tier(tier)));
            }
            case OrderAction.Move move ->
                builder.getMoveBuilder()
                        .setKeys(keys(move.keys()))
                        .setKeyBytes(move.keys().keyBytes())
                        .setDestination(identity(move.destination()))
                        .putAllAddresses(move.addresses())
                        .setKeepSource(move.keepSource());
            case OrderAction.Health _ -> builder.getHealthBuilder();
            case OrderAction.QueryNode _ -> builder.getQueryNodeBuilder();
        }
        return builder.build();
    }

    static ClusterProto.OrderResult result(OrderResult result) {
        return ClusterProto.OrderResult.newBuilder()
                .setCode(result.code().number())
                .setChunks(result.chunks())
                .setDetail(result.detail())
                .putAllDetails(result.details())
                .build();
    }

    static ClusterProto.PlaceOrderRequest order(OrderRequest request) {
        return ClusterProto.PlaceOrderRequest.newBuilder()
                .setAction(action(request.action()))
                .addAllNodes(request.nodes())
                .setTimeoutNanos(nanos(request.timeout()))
                .build();
    }

    static ClusterProto.OrderReply order(OrderStatus status) {
        ClusterProto.OrderReply.Builder reply = ClusterProto.OrderReply.newBuilder()
                .setId(status.id())
                .setAction(action(status.request().action()))
                .addAllTargets(status.request().nodes())
                .setTimeoutNanos(nanos(status.request().timeout()))
                .addAllNodes(status.nodes());
        status.results().forEach((node, result) -> reply.putResults(node, result(result)));
        return reply.build();
    }

    static ClusterProto.Node node(NodeView view) {
        return ClusterProto.Node.newBuilder()
                .setRegistration(register(view.registration()))
                .setState(
                        switch (view.state()) {
                            case LIVE -> ClusterProto.NodeState.NODE_STATE_LIVE;
                            case SUSPECT -> ClusterProto.NodeState.NODE_STATE_SUSPECT;
                            case GONE -> ClusterProto.NodeState.NODE_STATE_UNSPECIFIED;
                        })
                .setSinceHeardNanos(nanos(view.sinceHeard()))
                .setLeaseLeftNanos(nanos(view.leaseLeft()))
                .setConnected(view.connected())
                .setSynced(view.synced())
                .setChunks(view.chunks())
                .setStats(stats(view.stats()))
                .build();
    }

    static ClusterProto.Event event(ControllerEvent event) {
        ClusterProto.Event.Builder message = ClusterProto.Event.newBuilder()
                .setSequence(event.sequence())
                .setKind(event.kind().number())
                .setSubject(event.subject())
                .setDetail(event.detail());
        event.registration().ifPresent(registration -> message.setRegistration(register(registration)));
        return message.build();
    }

    private static long nanos(Duration duration) {
        try {
            return duration.toNanos();
        } catch (ArithmeticException longerThanThat) {
            return Long.MAX_VALUE;
        }
    }
}
