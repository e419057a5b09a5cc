package io.kvferry.control.peer;

import io.grpc.Metadata;
import io.grpc.Status;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.concurrent.CompletionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What a failed call means: gRPC's status to our error at the caller, our error to gRPC's status at the callee. */
final class CallErrors {
    private static final Logger LOG = LoggerFactory.getLogger(CallErrors.class);

    private CallErrors() {}

    /** What the caller learns from how a call ended. A refusal counts as it is; the rest is how gRPC failed. */
    static TransferError of(Status status, Metadata trailers, Stage stage, PeerAddress peer) {
        TransferError refusal = ErrorCodec.fromTrailers(trailers, stage);
        if (refusal != null) {
            return refusal;
        }
        return switch (status.getCode()) {
            case DEADLINE_EXCEEDED ->
                error(TransferErrorCode.DEADLINE_EXCEEDED, stage, peer, "no answer in time: " + text(status));
            case RESOURCE_EXHAUSTED ->
                error(
                        TransferErrorCode.RESOURCE_EXHAUSTED,
                        stage,
                        peer,
                        "refused by a limit; for a large message raise kvferry.peer.max-message-bytes on both sides: "
                                + text(status));
            case UNIMPLEMENTED ->
                error(
                        TransferErrorCode.INCOMPATIBLE_PEER,
                        stage,
                        peer,
                        "what listens there does not serve this call of kvferry.peer.v1; check the address and the peer's"
                                + " version: "
                                + text(status));
            case UNAVAILABLE ->
                error(
                        TransferErrorCode.CONTROL_FAILED,
                        stage,
                        peer,
                        "not reachable; check that the peer runs and that its kvferry.peer.port is open: "
                                + text(status));
            default -> error(TransferErrorCode.CONTROL_FAILED, stage, peer, "the call failed: " + text(status));
        };
    }

    /** An error of this side, the initiator. */
    static TransferError error(TransferErrorCode code, Stage stage, PeerAddress peer, String detail) {
        return new TransferError(code, code.number(), stage, Side.INITIATOR, peer.toString(), true, detail);
    }

    /** An error of this side, the target. */
    static TransferError refusal(TransferErrorCode code, Stage stage, String detail) {
        return new TransferError(code, code.number(), stage, Side.TARGET, "", true, detail);
    }

    /** What a peer is told about a failure of the service; anything but a TransferException is a bug of ours (R11). */
    static TransferError ofService(Throwable failure, Stage stage, PeerCounters counters) {
        Throwable cause =
                failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
        if (cause instanceof TransferException refusal) {
            return refusal.error();
        }
        counters.internalErrors.increment();
        LOG.error("answering a peer failed at {}", stage, cause);
        return refusal(TransferErrorCode.INTERNAL, stage, "the peer failed to answer; its log says why");
    }

    /** The status for people and tools; the trailer is what counts. */
    static Status status(TransferError error) {
        Status status = switch (error.code()) {
            case OK, UNRECOGNIZED -> Status.UNKNOWN;
            case CANCELLED -> Status.CANCELLED;
            case DEADLINE_EXCEEDED -> Status.DEADLINE_EXCEEDED;
            case INVALID_REQUEST, BUFFER_MISMATCH, PROTOCOL_ERROR -> Status.INVALID_ARGUMENT;
            case NOT_FOUND -> Status.NOT_FOUND;
            case ALREADY_EXISTS -> Status.ALREADY_EXISTS;
            case ACCESS_DENIED -> Status.PERMISSION_DENIED;
            case RESOURCE_EXHAUSTED -> Status.RESOURCE_EXHAUSTED;
            case UNSUPPORTED -> Status.UNIMPLEMENTED;
            case DATA_CORRUPTED -> Status.DATA_LOSS;
            case INTERNAL -> Status.INTERNAL;
            case CONNECTION_FAILED, CONTROL_FAILED, TRANSFER_FAILED, PEER_LOST, SHUTTING_DOWN -> Status.ABORTED;
            case MEMORY_NOT_REGISTERED,
                    PEER_RESTARTED,
                    INCOMPATIBLE_PEER,
                    BACKEND_UNAVAILABLE,
                    NOT_QUIESCENT,
                    LEASE_ENDED -> Status.FAILED_PRECONDITION;
        };
        return status.withDescription(error.code().name() + " at " + error.stage());
    }

    private static String text(Status status) {
        Throwable cause = status.getCause();
        String description = status.getDescription() == null ? "" : " " + status.getDescription();
        return status.getCode() + description + (cause == null ? "" : " (" + cause.getMessage() + ")");
    }
}
