package io.kvferry.control.peer;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import io.kvferry.control.grpc.ErrorCodec;
import io.kvferry.control.grpc.wire.CommonProto;
import io.kvferry.control.peer.wire.PeerProto;
import io.kvferry.spi.BackendOffer;
import io.kvferry.spi.BlockKeys;
import io.kvferry.spi.Capability;
import io.kvferry.spi.OpaqueBytes;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferState;
import io.kvferry.spi.WireId;
import java.util.List;

/** Messages to bytes; {@link MessageDecoder} is the way back. */
final class MessageEncoder {
    private MessageEncoder() {}

    static byte[] encode(PeerRequest<?> request) {
        return switch (request) {
            case PeerRequest.Hello hello ->
                PeerProto.HelloRequest.newBuilder()
                        .setSelf(identity(hello.self()))
                        .setProtocol(hello.protocol())
                        .setSoftware(hello.software())
                        .setCompatibility(hello.compatibility())
                        .addAllOffers(offers(hello.offers()))
                        .build()
                        .toByteArray();
            case PeerRequest.Prepare prepare ->
                PeerProto.PrepareRequest.newBuilder()
                        .setId(id(prepare.id()))
                        .setAttempt(prepare.attempt())
                        .setOperation(
                                switch (prepare.operation()) {
                                    case WRITE -> PeerProto.Operation.OPERATION_WRITE;
                                    case READ -> PeerProto.Operation.OPERATION_READ;
                                })
                        .setSelf(identity(prepare.self()))
                        .setTarget(identity(prepare.target()))
                        .setWireId(wireId(prepare.wireId()))
                        .setBlocks(blocks(prepare.blocks()))
                        .setProposal(bytes(prepare.proposal()))
                        .setHorizonNanos(prepare.horizonNanos())
                        .build()
                        .toByteArray();
            case PeerRequest.Part part ->
                PeerProto.PartRequest.newBuilder()
                        .setId(id(part.id()))
                        .setAttempt(part.attempt())
                        .setSelf(identity(part.self()))
                        .setEpoch(part.epoch())
                        .setFirst(part.blocks().first())
                        .setCount(part.blocks().count())
                        .build()
                        .toByteArray();
            case PeerRequest.Cancel cancel ->
                PeerProto.CancelRequest.newBuilder()
                        .setId(id(cancel.id()))
                        .setAttempt(cancel.attempt())
                        .setSelf(identity(cancel.self()))
                        .build()
                        .toByteArray();
            case PeerRequest.Finish finish ->
                PeerProto.FinishRequest.newBuilder()
                        .setId(id(finish.id()))
                        .setAttempt(finish.attempt())
                        .setSelf(identity(finish.self()))
                        .setEpoch(finish.epoch())
                        .setOutcome(outcome(finish.outcome()))
                        .setBytes(finish.bytes())
                        .setBlocks(finish.blocks())
                        .build()
                        .toByteArray();
            case PeerRequest.Notify notify ->
                PeerProto.NotifyRequest.newBuilder()
                        .setSelf(identity(notify.self()))
                        .setTopic(notify.topic())
                        .setPayload(bytes(notify.payload()))
                        .build()
                        .toByteArray();
        };
    }

    static byte[] encode(PeerReply reply) {
        return switch (reply) {
            case PeerReply.Welcome welcome ->
                PeerProto.HelloReply.newBuilder()
                        .setSelf(identity(welcome.self()))
                        .setProtocol(welcome.protocol())
                        .setSoftware(welcome.software())
                        .setCompatibility(welcome.compatibility())
                        .addAllOffers(offers(welcome.offers()))
                        .build()
                        .toByteArray();
            case PeerReply.Prepared prepared ->
                PeerProto.PrepareReply.newBuilder()
                        .setEpoch(prepared.epoch())
                        .setLeaseDescriptor(bytes(prepared.descriptor()))
                        .setRemainingNanos(prepared.remainingNanos())
                        .addAllUnmatched(prepared.unmatched())
                        .build()
                        .toByteArray();
            case PeerReply.Finished finished -> {
                PeerProto.FinishReply.Builder builder =
                        PeerProto.FinishReply.newBuilder().setOutcome(outcome(finished.outcome()));
                if (finished.error() != null) {
                    builder.setError(ErrorCodec.encode(finished.error()));
                }
                yield builder.build().toByteArray();
            }
            case PeerReply.Notified notified ->
                PeerProto.NotifyReply.newBuilder()
                        .setPayload(bytes(notified.payload()))
                        .build()
                        .toByteArray();
            // PartReply and CancelReply have no fields yet: the same zero bytes
            case PeerReply.Ack ack -> PeerProto.PartReply.getDefaultInstance().toByteArray();
        };
    }

    static byte[] channelOpen(ChannelId channel) {
        return PeerProto.ChannelFrame.newBuilder()
                .setOpen(PeerProto.ChannelOpen.newBuilder()
                        .setId(id(channel.id()))
                        .setAttempt(channel.attempt())
                        .setEpoch(channel.epoch()))
                .build()
                .toByteArray();
    }

    static byte[] channelMessage(byte[] message) {
        return PeerProto.ChannelFrame.newBuilder()
                .setMessage(UnsafeByteOperations.unsafeWrap(message))
                .build()
                .toByteArray();
    }

    private static CommonProto.NodeIdentity identity(PeerIdentity identity) {
        return CommonProto.NodeIdentity.newBuilder()
                .setNodeId(identity.nodeId())
                .setBootId(identity.bootId())
                .build();
    }

    private static PeerProto.TransferId id(TransferId id) {
        return PeerProto.TransferId.newBuilder()
                .setHigh(id.high())
                .setLow(id.low())
                .build();
    }

    private static PeerProto.WireId wireId(WireId wireId) {
        return PeerProto.WireId.newBuilder()
                .setName(wireId.name())
                .setVersion(wireId.version())
                .build();
    }

    private static List<PeerProto.BackendOffer> offers(List<BackendOffer> offers) {
        return offers.stream().map(MessageEncoder::offer).toList();
    }

    private static PeerProto.BackendOffer offer(BackendOffer offer) {
        return PeerProto.BackendOffer.newBuilder()
                .setName(offer.name())
                .setWireId(wireId(offer.wireId()))
                .addAllCapabilities(offer.capabilities().stream()
                        .sorted()
                        .map(Capability::name)
                        .toList())
                .setIsolation(
                        switch (offer.isolation()) {
                            case NONE -> PeerProto.Isolation.ISOLATION_NONE;
                            case REGION -> PeerProto.Isolation.ISOLATION_REGION;
                            case LEASE -> PeerProto.Isolation.ISOLATION_LEASE;
                        })
                .setEndpoint(bytes(offer.endpoint()))
                .build();
    }

    private static PeerProto.BlockKeys blocks(BlockKeys blocks) {
        PeerProto.BlockKeys.Builder builder = PeerProto.BlockKeys.newBuilder();
        boolean equal = true;
        for (int i = 0; i < blocks.size(); i++) {
            builder.addKeys(blocks.key(i));
            equal &= blocks.length(i) == blocks.length(0);
        }
        if (equal) {
            return builder.setLength(blocks.length(0)).build();
        }
        for (int i = 0; i < blocks.size(); i++) {
            builder.addLengths(blocks.length(i));
        }
        return builder.build();
    }

    private static PeerProto.Outcome outcome(TransferState state) {
        return switch (state) {
            case COMPLETED -> PeerProto.Outcome.OUTCOME_COMPLETED;
            case FAILED -> PeerProto.Outcome.OUTCOME_FAILED;
            case CANCELLED -> PeerProto.Outcome.OUTCOME_CANCELLED;
            case TIMED_OUT -> PeerProto.Outcome.OUTCOME_TIMED_OUT;
            case NEW, PREPARING, PREPARED, SUBMITTED, IN_FLIGHT, QUARANTINED, FINISHED ->
                throw new IllegalArgumentException(state + " is not an outcome");
        };
    }

    private static ByteString bytes(OpaqueBytes bytes) {
        // nobody can change what is wrapped here
        return UnsafeByteOperations.unsafeWrap(bytes.buffer());
    }
}
