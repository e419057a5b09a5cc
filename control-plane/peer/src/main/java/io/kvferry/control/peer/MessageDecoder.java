package io.kvferry.control.peer;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import io.kvferry.control.grpc.ErrorCodec;
import io.kvferry.control.grpc.wire.CommonProto;
import io.kvferry.control.peer.wire.PeerProto;
import io.kvferry.spi.BackendOffer;
import io.kvferry.spi.BlockKeys;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Capability;
import io.kvferry.spi.Envelope;
import io.kvferry.spi.Isolation;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Payload;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferState;
import io.kvferry.spi.WireId;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Bytes to messages; {@link MessageEncoder} is the way back.
 *
 * <p>Whatever the bytes are, the outcome is a message within the limits of its fields or a {@link TransferException} with
 * PROTOCOL_ERROR that names the field.
 */
final class MessageDecoder {
    private static final int MAX_OFFERS = 64;
    private static final int MAX_CAPABILITIES = 256;
    private static final int MAX_TOPIC = 128;
    private static final int MAX_SOFTWARE = 256;
    private static final int MAX_COMPATIBILITY = 1024;
    private static final int MAX_BACKEND_NAME = 64;

    private static final Map<String, Capability> CAPABILITIES =
            Arrays.stream(Capability.values()).collect(Collectors.toMap(Capability::name, Function.identity()));

    private final Stage stage;

    private MessageDecoder(Stage stage) {
        this.stage = stage;
    }

    static PeerRequest<?> request(PeerMethod method, byte[] bytes) {
        MessageDecoder decoder = new MessageDecoder(method.stage());
        try {
            return switch (method) {
                case HELLO -> decoder.hello(PeerProto.HelloRequest.parseFrom(bytes));
                case PREPARE -> decoder.prepare(PeerProto.PrepareRequest.parseFrom(bytes));
                case PART -> decoder.part(PeerProto.PartRequest.parseFrom(bytes));
                case CANCEL -> decoder.cancel(PeerProto.CancelRequest.parseFrom(bytes));
                case FINISH -> decoder.finish(PeerProto.FinishRequest.parseFrom(bytes));
                case NOTIFY -> decoder.notify(PeerProto.NotifyRequest.parseFrom(bytes));
            };
        } catch (InvalidProtocolBufferException e) {
            throw decoder.undecodable(method + " request", bytes, e);
        }
    }

    static PeerReply reply(PeerMethod method, byte[] bytes) {
        MessageDecoder decoder = new MessageDecoder(method.stage());
        try {
            return switch (method) {
                case HELLO -> decoder.welcome(PeerProto.HelloReply.parseFrom(bytes));
                case PREPARE -> decoder.prepared(PeerProto.PrepareReply.parseFrom(bytes));
                case PART -> ack(PeerProto.PartReply.parseFrom(bytes));
                case CANCEL -> ack(PeerProto.CancelReply.parseFrom(bytes));
                case FINISH -> decoder.finished(PeerProto.FinishReply.parseFrom(bytes));
                case NOTIFY ->
                    new PeerReply.Notified(
                            payload(PeerProto.NotifyReply.parseFrom(bytes).getPayload()));
            };
        } catch (InvalidProtocolBufferException e) {
            throw decoder.undecodable(method + " reply", bytes, e);
        }
    }

    /** Reads the first frame of a channel. */
    static ChannelId channelOpen(byte[] bytes) {
        MessageDecoder decoder = new MessageDecoder(Stage.TRANSFER);
        try {
            PeerProto.ChannelFrame frame = PeerProto.ChannelFrame.parseFrom(bytes);
            PeerProto.ChannelOpen open = frame.getOpen();
            decoder.require(frame.hasOpen(), "open", "the first frame of a channel must have it");
            return new ChannelId(
                    decoder.id(open.hasId(), open.getId()),
                    decoder.attempt(open.getAttempt()),
                    decoder.epoch(open.getEpoch()));
        } catch (InvalidProtocolBufferException e) {
            throw decoder.undecodable("first channel frame", bytes, e);
        }
    }

    /** Reads another frame of a channel; null for a kind that this version does not know. */
    static byte @Nullable [] channelMessage(byte[] bytes) {
        MessageDecoder decoder = new MessageDecoder(Stage.TRANSFER);
        try {
            PeerProto.ChannelFrame frame = PeerProto.ChannelFrame.parseFrom(bytes);
            decoder.require(!frame.hasOpen(), "open", "only the first frame of a channel may have it");
            return frame.hasMessage() ? frame.getMessage().toByteArray() : null;
        } catch (InvalidProtocolBufferException e) {
            throw decoder.undecodable("channel frame", bytes, e);
        }
    }

    private PeerRequest.Hello hello(PeerProto.HelloRequest hello) {
        return new PeerRequest.Hello(
                identity(hello.hasSelf(), hello.getSelf(), "self"),
                protocol(hello.getProtocol()),
                text(hello.getSoftware(), 0, MAX_SOFTWARE, "software"),
                text(hello.getCompatibility(), 0, MAX_COMPATIBILITY, "compatibility"),
                offers(hello.getOffersList()));
    }

    private PeerReply.Welcome welcome(PeerProto.HelloReply hello) {
        return new PeerReply.Welcome(
                identity(hello.hasSelf(), hello.getSelf(), "self"),
                protocol(hello.getProtocol()),
                text(hello.getSoftware(), 0, MAX_SOFTWARE, "software"),
                text(hello.getCompatibility(), 0, MAX_COMPATIBILITY, "compatibility"),
                offers(hello.getOffersList()));
    }

    private PeerRequest.Prepare prepare(PeerProto.PrepareRequest prepare) {
        return new PeerRequest.Prepare(
                id(prepare.hasId(), prepare.getId()),
                attempt(prepare.getAttempt()),
                switch (prepare.getOperation()) {
                    case OPERATION_WRITE -> Operation.WRITE;
                    case OPERATION_READ -> Operation.READ;
                    case OPERATION_UNSPECIFIED, UNRECOGNIZED ->
                        throw malformed(
                                "operation", prepare.getOperationValue() + " is neither 1 (WRITE) nor 2 (READ)");
                },
                identity(prepare.hasSelf(), prepare.getSelf(), "self"),
                identity(prepare.hasTarget(), prepare.getTarget(), "target"),
                wireId(prepare.hasWireId(), prepare.getWireId(), "wire_id"),
                blocks(prepare.hasBlocks(), prepare.getBlocks()),
                envelope(prepare.getProposal()),
                notNegative(prepare.getHorizonNanos(), "horizon_nanos"));
    }

    private PeerReply.Prepared prepared(PeerProto.PrepareReply prepared) {
        List<Integer> unmatched = new ArrayList<>(prepared.getUnmatchedCount());
        for (int i = 0; i < prepared.getUnmatchedCount(); i++) {
            unmatched.add(notNegative(prepared.getUnmatched(i), "unmatched"));
        }
        return new PeerReply.Prepared(
                epoch(prepared.getEpoch()),
                envelope(prepared.getLeaseDescriptor()),
                notNegative(prepared.getRemainingNanos(), "remaining_nanos"),
                unmatched);
    }

    private PeerRequest.Part part(PeerProto.PartRequest part) {
        int first = notNegative(part.getFirst(), "first");
        int count = part.getCount();
        require(count >= 1, "count", "is missing, 0 or above 2147483647");
        require(first <= Integer.MAX_VALUE - count, "count", "first + count is above 2147483647");
        return new PeerRequest.Part(
                id(part.hasId(), part.getId()),
                attempt(part.getAttempt()),
                identity(part.hasSelf(), part.getSelf(), "self"),
                epoch(part.getEpoch()),
                new BlockRange(first, count));
    }

    private PeerRequest.Cancel cancel(PeerProto.CancelRequest cancel) {
        return new PeerRequest.Cancel(
                id(cancel.hasId(), cancel.getId()),
                attempt(cancel.getAttempt()),
                identity(cancel.hasSelf(), cancel.getSelf(), "self"));
    }

    private PeerRequest.Finish finish(PeerProto.FinishRequest finish) {
        return new PeerRequest.Finish(
                id(finish.hasId(), finish.getId()),
                attempt(finish.getAttempt()),
                identity(finish.hasSelf(), finish.getSelf(), "self"),
                finish.getEpoch(),
                outcome(finish.getOutcome(), finish.getOutcomeValue()),
                notNegative(finish.getBytes(), "bytes"),
                notNegative(finish.getBlocks(), "blocks"));
    }

    private PeerReply.Finished finished(PeerProto.FinishReply finished) {
        TransferState outcome = outcome(finished.getOutcome(), finished.getOutcomeValue());
        return new PeerReply.Finished(outcome, reason(outcome, finished));
    }

    private @Nullable TransferError reason(TransferState outcome, PeerProto.FinishReply finished) {
        if (outcome == TransferState.COMPLETED) {
            return null;
        }
        if (finished.hasError()) {
            return ErrorCodec.decode(finished.getError(), stage);
        }
        TransferErrorCode code = switch (outcome) {
            case CANCELLED -> TransferErrorCode.CANCELLED;
            case TIMED_OUT -> TransferErrorCode.DEADLINE_EXCEEDED;
            default -> TransferErrorCode.TRANSFER_FAILED;
        };
        return new TransferError(code, code.number(), stage, Side.TARGET, "", false, "the peer gave no reason");
    }

    private PeerRequest.Notify notify(PeerProto.NotifyRequest notify) {
        return new PeerRequest.Notify(
                identity(notify.hasSelf(), notify.getSelf(), "self"),
                text(notify.getTopic(), 1, MAX_TOPIC, "topic"),
                payload(notify.getPayload()));
    }

    /** These replies have no fields yet; they must be decodable all the same. */
    private static PeerReply ack(MessageLite unused) {
        return PeerReply.Ack.INSTANCE;
    }

    private List<BackendOffer> offers(List<PeerProto.BackendOffer> offers) {
        require(offers.size() <= MAX_OFFERS, "offers", "are more than " + MAX_OFFERS);
        return offers.stream().map(this::offer).toList();
    }

    private BackendOffer offer(PeerProto.BackendOffer offer) {
        return new BackendOffer(
                text(offer.getName(), 1, MAX_BACKEND_NAME, "offers.name"),
                wireId(offer.hasWireId(), offer.getWireId(), "offers.wire_id"),
                capabilities(offer),
                switch (offer.getIsolation()) {
                    case ISOLATION_REGION -> Isolation.REGION;
                    case ISOLATION_LEASE -> Isolation.LEASE;
                    case ISOLATION_NONE, ISOLATION_UNSPECIFIED, UNRECOGNIZED -> Isolation.NONE;
                },
                envelope(offer.getEndpoint()));
    }

    private Set<Capability> capabilities(PeerProto.BackendOffer offer) {
        require(
                offer.getCapabilitiesCount() <= MAX_CAPABILITIES,
                "offers.capabilities",
                "are more than " + MAX_CAPABILITIES);
        Set<Capability> known = EnumSet.noneOf(Capability.class);
        for (String name : offer.getCapabilitiesList()) {
            Capability capability = CAPABILITIES.get(name);
            if (capability != null) {
                known.add(capability);
            }
        }
        return known;
    }

    private BlockKeys blocks(boolean present, PeerProto.BlockKeys blocks) {
        require(present, "blocks", "is missing");
        int count = blocks.getKeysCount();
        int lengthsCount = blocks.getLengthsCount();
        require(count > 0, "blocks.keys", "is missing or empty");
        require(
                lengthsCount > 0 || blocks.getLength() >= 1,
                "blocks.length",
                "is missing, 0 or above 2^63-1, and there are no blocks.lengths");
        if (lengthsCount != 0 && lengthsCount != count) {
            throw malformed("blocks.lengths", lengthsCount + " lengths for " + count + " keys");
        }
        long[] keys = new long[count];
        long[] lengths = new long[count];
        for (int i = 0; i < count; i++) {
            keys[i] = blocks.getKeys(i);
            lengths[i] = lengthsCount == 0 ? blocks.getLength() : blocks.getLengths(i);
            require(lengths[i] >= 1, "blocks.lengths", "a length is 0 or above 2^63-1");
        }
        return BlockKeys.of(keys, lengths);
    }

    private PeerIdentity identity(boolean present, CommonProto.NodeIdentity identity, String field) {
        require(present, field, "is missing");
        try {
            return new PeerIdentity(identity.getNodeId(), identity.getBootId());
        } catch (IllegalArgumentException e) {
            throw malformed(field + ".node_id", String.valueOf(e.getMessage()));
        }
    }

    private WireId wireId(boolean present, PeerProto.WireId wireId, String field) {
        require(present, field, "is missing");
        try {
            return new WireId(wireId.getName(), wireId.getVersion());
        } catch (IllegalArgumentException e) {
            throw malformed(
                    field, "name has not 1 to 32 characters of [a-z][a-z0-9-]*, or version is not 1 to 2147483647");
        }
    }

    private TransferId id(boolean present, PeerProto.TransferId id) {
        require(present, "id", "is missing");
        return new TransferId(id.getHigh(), id.getLow());
    }

    private int attempt(int attempt) {
        require(attempt >= 1, "attempt", "is missing, 0 or above 2147483647");
        return attempt;
    }

    private long epoch(long epoch) {
        require(epoch != 0, "epoch", "is missing or 0");
        return epoch;
    }

    private int protocol(int protocol) {
        require(protocol >= 0, "protocol", "is above 2147483647");
        return Math.max(protocol, 1);
    }

    private TransferState outcome(PeerProto.Outcome outcome, int number) {
        return switch (outcome) {
            case OUTCOME_COMPLETED -> TransferState.COMPLETED;
            case OUTCOME_FAILED -> TransferState.FAILED;
            case OUTCOME_CANCELLED -> TransferState.CANCELLED;
            case OUTCOME_TIMED_OUT -> TransferState.TIMED_OUT;
            case OUTCOME_UNSPECIFIED, UNRECOGNIZED -> throw malformed("outcome", number + " is not 1 to 4");
        };
    }

    private String text(String text, int minLength, int maxLength, String field) {
        if (text.length() < minLength || text.length() > maxLength) {
            throw malformed(field, text.length() + " characters are not " + minLength + " to " + maxLength);
        }
        return text;
    }

    private long notNegative(long value, String field) {
        require(value >= 0, field, "is negative");
        return value;
    }

    private int notNegative(int value, String field) {
        require(value >= 0, field, "is above 2147483647");
        return value;
    }

    private static Envelope envelope(ByteString bytes) {
        return bytes.isEmpty() ? Envelope.EMPTY : new Envelope(bytes.toByteArray());
    }

    private static Payload payload(ByteString bytes) {
        return bytes.isEmpty() ? Payload.EMPTY : new Payload(bytes.toByteArray());
    }

    private void require(boolean satisfied, String field, String problem) {
        if (!satisfied) {
            throw malformed(field, problem);
        }
    }

    private TransferException malformed(String field, String problem) {
        return new TransferException(TransferErrorCode.PROTOCOL_ERROR, stage, field + ": " + problem);
    }

    private TransferException undecodable(String what, byte[] bytes, InvalidProtocolBufferException cause) {
        return new TransferException(
                TransferErrorCode.PROTOCOL_ERROR,
                stage,
                what + " of " + bytes.length + " bytes cannot be decoded: " + cause.getMessage(),
                cause);
    }
}
