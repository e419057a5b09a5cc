package io.kvferry.control.cluster;

import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.Metadata;
import io.grpc.Status;
import io.kvferry.control.cluster.wire.ClusterProto;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What a failed call means: our error to gRPC's status at the controller, gRPC's status to our error at the node. */
final class CallErrors {
    /** Where a refusal travels. */
    static final Metadata.Key<byte[]> TRAILER = Metadata.Key.of("kvferry-error-bin", Metadata.BINARY_BYTE_MARSHALLER);

    private static final Logger LOG = LoggerFactory.getLogger(CallErrors.class);

    private CallErrors() {}

    static TransferError refusal(TransferErrorCode code, String detail) {
        return TransferError.of(code, Stage.REGISTER, detail);
    }

    static Metadata trailers(TransferError error) {
        Metadata trailers = new Metadata();
        trailers.put(TRAILER, WireEncoder.error(error).toByteArray());
        return trailers;
    }

    /** What a caller is told about a failure; anything but a TransferException is a bug of ours (R11). */
    static TransferError of(Throwable failure, Counter.Counters counters) {
        Throwable cause =
                failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
        if (cause instanceof TransferException refusal) {
            if (refusal.code() == TransferErrorCode.PROTOCOL_ERROR) {
                counters.increment(Counter.UNDECODABLE);
            }
            return refusal.error();
        }
        if (cause instanceof InvalidProtocolBufferException) {
            counters.increment(Counter.UNDECODABLE);
            return refusal(TransferErrorCode.PROTOCOL_ERROR, "message cannot be decoded: " + cause.getMessage());
        }
        counters.increment(Counter.INTERNAL_ERRORS);
        LOG.error("answering a call failed", cause);
        return refusal(TransferErrorCode.INTERNAL, "the controller failed to answer; its log says why");
    }

    /** The status for people and tools; the trailer is what counts. */
    static Status status(TransferError error) {
        Status status = switch (error.code()) {
            case CANCELLED -> Status.CANCELLED;
            case DEADLINE_EXCEEDED -> Status.DEADLINE_EXCEEDED;
            case INVALID_REQUEST, PROTOCOL_ERROR, BUFFER_MISMATCH -> Status.INVALID_ARGUMENT;
            case NOT_FOUND -> Status.NOT_FOUND;
            case ALREADY_EXISTS -> Status.ALREADY_EXISTS;
            case RESOURCE_EXHAUSTED -> Status.RESOURCE_EXHAUSTED;
            case UNSUPPORTED -> Status.UNIMPLEMENTED;
            case INTERNAL -> Status.INTERNAL;
            case INCOMPATIBLE_PEER, PEER_RESTARTED, LEASE_ENDED, BACKEND_UNAVAILABLE -> Status.FAILED_PRECONDITION;
            default -> Status.ABORTED;
        };
        return status.withDescription(error.code().name());
    }

    /** What a node learns from how a call to a controller ended. */
    static TransferException ended(Status status, @Nullable Metadata trailers, PeerAddress controller) {
        byte[] bytes = trailers == null ? null : trailers.get(TRAILER);
        if (bytes != null) {
            try {
                return WireDecoder.error(ClusterProto.Error.parseFrom(bytes), Stage.REGISTER);
            } catch (InvalidProtocolBufferException e) {
                return error(TransferErrorCode.PROTOCOL_ERROR, controller, "its error cannot be decoded");
            }
        }
        String text = status.getCode() + (status.getDescription() == null ? "" : " " + status.getDescription());
        return switch (status.getCode()) {
            case DEADLINE_EXCEEDED -> error(TransferErrorCode.DEADLINE_EXCEEDED, controller, "no answer in time");
            case RESOURCE_EXHAUSTED ->
                error(
                        TransferErrorCode.RESOURCE_EXHAUSTED,
                        controller,
                        "refused by a limit; for a large message raise kvferry.controller.max-message-bytes there: "
                                + text);
            case UNIMPLEMENTED ->
                error(
                        TransferErrorCode.INCOMPATIBLE_PEER,
                        controller,
                        "what listens there does not serve kvferry.cluster.v1; check kvferry.cluster.controllers: "
                                + text);
            case UNAVAILABLE ->
                error(
                        TransferErrorCode.CONTROL_FAILED,
                        controller,
                        "not reachable; check kvferry.cluster.controllers and that it runs: " + text);
            default -> error(TransferErrorCode.CONTROL_FAILED, controller, "the call failed: " + text);
        };
    }

    static TransferException error(TransferErrorCode code, PeerAddress controller, String detail) {
        return ControllerContext.error(code, "controller " + controller + ": " + detail);
    }
}
