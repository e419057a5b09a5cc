package io.kvferry.control.peer;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import io.kvferry.control.grpc.ErrorCodec;
import io.kvferry.control.peer.wire.PeerProto;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferState;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Bytes to messages; {@link MessageEncoder} is the way back.
 *
 * <p>Whatever the bytes are, the outcome is a message within the limits of its fields or a {@link TransferException} with
 * PROTOCOL_ERROR that names the field.
 */
final class MessageDecoder {
    private static final int MAX_TOPIC = 128;
    private static final int MAX_SOFTWARE = 256;
    private static final int MAX_COMPATIBILITY = 1024;

    private final Stage stage;
    private final Fields fields;

    private MessageDecoder(Stage stage) {
        this.stage = stage;
        this.fields = Fields.of(stage);
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
                    new PeerReply.Notified(Fields.payload(
                            PeerProto.NotifyReply.parseFrom(bytes).getPayload()));
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
            decoder.fields.require(frame.hasOpen(), "open", "the first frame of a channel must have it");
            return new ChannelId(
                    decoder.fields.id(open.hasId(), open.getId()),
                    decoder.fields.attempt(open.getAttempt()),
                    decoder.fields.epoch(open.getEpoch()));
        } catch (InvalidProtocolBufferException e) {
            throw decoder.undecodable("first channel frame", bytes, e);
        }
    }

    /** Reads another frame of a channel; null for a kind that this version does not know. */
    static byte @Nullable [] channelMessage(byte[] bytes) {
        MessageDecoder decoder = new MessageDecoder(Stage.TRANSFER);
        try {
            PeerProto.ChannelFrame frame = PeerProto.ChannelFrame.parseFrom(bytes);
            decoder.fields.require(!frame.hasOpen(), "open", "only the first frame of a channel may have it");
            return frame.hasMessage() ? frame.getMessage().toByteArray() : null;
        } catch (InvalidProtocolBufferException e) {
            throw decoder.undecodable("channel frame", bytes, e);
        }
    }

    private PeerRequest.Hello hello(PeerProto.HelloRequest hello) {
        return new PeerRequest.Hello(
                fields.identity(hello.hasSelf(), hello.getSelf(), "self"),
                fields.protocol(hello.getProtocol()),
                fields.text(hello.getSoftware(), 0, MAX_SOFTWARE, "software"),
                fields.text(hello.getCompatibility(), 0, MAX_COMPATIBILITY, "compatibility"),
                fields.offers(hello.getOffersList()));
    }

    private PeerReply.Welcome welcome(PeerProto.HelloReply hello) {
        return new PeerReply.Welcome(
                fields.identity(hello.hasSelf(), hello.getSelf(), "self"),
                fields.protocol(hello.getProtocol()),
                fields.text(hello.getSoftware(), 0, MAX_SOFTWARE, "software"),
                fields.text(hello.getCompatibility(), 0, MAX_COMPATIBILITY, "compatibility"),
                fields.offers(hello.getOffersList()));
    }

    private PeerRequest.Prepare prepare(PeerProto.PrepareRequest prepare) {
        return new PeerRequest.Prepare(
                fields.id(prepare.hasId(), prepare.getId()),
                fields.attempt(prepare.getAttempt()),
                switch (prepare.getOperation()) {
                    case OPERATION_WRITE -> Operation.WRITE;
                    case OPERATION_READ -> Operation.READ;
                    case OPERATION_UNSPECIFIED, UNRECOGNIZED ->
                        throw fields.malformed(
                                "operation", prepare.getOperationValue() + " is neither 1 (WRITE) nor 2 (READ)");
                },
                fields.identity(prepare.hasSelf(), prepare.getSelf(), "self"),
                fields.identity(prepare.hasTarget(), prepare.getTarget(), "target"),
                fields.wireId(prepare.hasWireId(), prepare.getWireId(), "wire_id"),
                fields.blocks(prepare.hasBlocks(), prepare.getBlocks()),
                Fields.envelope(prepare.getProposal()),
                fields.notNegative(prepare.getHorizonNanos(), "horizon_nanos"));
    }

    private PeerReply.Prepared prepared(PeerProto.PrepareReply prepared) {
        List<Integer> unmatched = new ArrayList<>(prepared.getUnmatchedCount());
        for (int i = 0; i < prepared.getUnmatchedCount(); i++) {
            unmatched.add(fields.notNegative(prepared.getUnmatched(i), "unmatched"));
        }
        return new PeerReply.Prepared(
                fields.epoch(prepared.getEpoch()),
                Fields.envelope(prepared.getLeaseDescriptor()),
                fields.notNegative(prepared.getRemainingNanos(), "remaining_nanos"),
                unmatched);
    }

    private PeerRequest.Part part(PeerProto.PartRequest part) {
        int first = fields.notNegative(part.getFirst(), "first");
        int count = part.getCount();
        fields.require(count >= 1, "count", "is missing, 0 or above 2147483647");
        fields.require(first <= Integer.MAX_VALUE - count, "count", "first + count is above 2147483647");
        return new PeerRequest.Part(
                fields.id(part.hasId(), part.getId()),
                fields.attempt(part.getAttempt()),
                fields.identity(part.hasSelf(), part.getSelf(), "self"),
                fields.epoch(part.getEpoch()),
                new BlockRange(first, count));
    }

    private PeerRequest.Cancel cancel(PeerProto.CancelRequest cancel) {
        return new PeerRequest.Cancel(
                fields.id(cancel.hasId(), cancel.getId()),
                fields.attempt(cancel.getAttempt()),
                fields.identity(cancel.hasSelf(), cancel.getSelf(), "self"));
    }

    private PeerRequest.Finish finish(PeerProto.FinishRequest finish) {
        return new PeerRequest.Finish(
                fields.id(finish.hasId(), finish.getId()),
                fields.attempt(finish.getAttempt()),
                fields.identity(finish.hasSelf(), finish.getSelf(), "self"),
                finish.getEpoch(),
                fields.outcome(finish.getOutcome(), finish.getOutcomeValue()),
                fields.notNegative(finish.getBytes(), "bytes"),
                fields.notNegative(finish.getBlocks(), "blocks"));
    }

    private PeerReply.Finished finished(PeerProto.FinishReply finished) {
        TransferState outcome = fields.outcome(finished.getOutcome(), finished.getOutcomeValue());
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
                fields.identity(notify.hasSelf(), notify.getSelf(), "self"),
                fields.text(notify.getTopic(), 1, MAX_TOPIC, "topic"),
                Fields.payload(notify.getPayload()));
    }

    /** These replies have no fields yet; they must be decodable all the same. */
    private static PeerReply ack(MessageLite unused) {
        return PeerReply.Ack.INSTANCE;
    }

    private TransferException undecodable(String what, byte[] bytes, InvalidProtocolBufferException cause) {
        return new TransferException(
                TransferErrorCode.PROTOCOL_ERROR,
                stage,
                what + " of " + bytes.length + " bytes cannot be decoded: " + cause.getMessage(),
                cause);
    }
}
