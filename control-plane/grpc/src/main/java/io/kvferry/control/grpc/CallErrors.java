package io.kvferry.control.grpc;

import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.Status;
import io.kvferry.control.grpc.PortCounters.Kind;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a failed call means: our error to gRPC's status at who answers, gRPC's status to our error at who asked.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public final class CallErrors {
    private static final Logger LOG = LoggerFactory.getLogger(CallErrors.class);

    private CallErrors() {}

    /**
     * What a caller is told to look at when gRPC itself ends a call.
     *
     * @param name of the service's {@code .proto} package
     * @param limit the key that bounds a message
     * @param address the keys that say where the other side is
     */
    public record Service(String name, String limit, String address) {}

    /**
     * Makes an error of this side, who answers.
     *
     * @param code what is wrong
     * @param stage in which step
     * @param detail one line for a person
     * @return the error
     */
    public static TransferError refusal(TransferErrorCode code, Stage stage, String detail) {
        return new TransferError(code, code.number(), stage, Side.TARGET, "", true, detail);
    }

    /**
     * Ends a call with an error. The trailer is what counts, the status is for people and tools.
     *
     * @param call the call
     * @param error why
     */
    public static void close(ServerCall<?, ?> call, TransferError error) {
        call.close(status(error), ErrorCodec.toTrailers(error));
    }

    /**
     * What a caller is told about a failure; anything but a {@link TransferException} or an undecodable message is a bug of
     * ours (R11).
     *
     * @param failure what was thrown
     * @param stage in which step
     * @param counters where it is counted
     * @return the error
     */
    public static TransferError of(Throwable failure, Stage stage, PortCounters counters) {
        Throwable cause =
                failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
        if (cause instanceof TransferException refusal) {
            if (refusal.code() == TransferErrorCode.PROTOCOL_ERROR) {
                counters.count(Kind.UNDECODABLE);
            }
            return refusal.error();
        }
        if (cause instanceof InvalidProtocolBufferException) {
            counters.count(Kind.UNDECODABLE);
            return refusal(TransferErrorCode.PROTOCOL_ERROR, stage, "message cannot be decoded: " + cause.getMessage());
        }
        counters.count(Kind.INTERNAL_ERRORS);
        LOG.error("answering a call failed at {}", stage, cause);
        return refusal(TransferErrorCode.INTERNAL, stage, "the other side failed to answer; its log says why");
    }

    /**
     * What the caller learns from how a call ended: a refusal as it is; else how gRPC failed.
     *
     * @param status not OK
     * @param trailers what came with it; null for none
     * @param stage in which step
     * @param other whom was called
     * @param service what was called
     * @return the error
     */
    public static TransferError ended(
            Status status, @Nullable Metadata trailers, Stage stage, String other, Service service) {
        TransferError refusal = trailers == null ? null : ErrorCodec.fromTrailers(trailers, stage);
        if (refusal != null) {
            return refusal;
        }
        return switch (status.getCode()) {
            case DEADLINE_EXCEEDED ->
                error(TransferErrorCode.DEADLINE_EXCEEDED, stage, other, "no answer in time: " + text(status));
            case RESOURCE_EXHAUSTED ->
                error(
                        TransferErrorCode.RESOURCE_EXHAUSTED,
                        stage,
                        other,
                        "refused by a limit; for a large message raise " + service.limit + ": " + text(status));
            case UNIMPLEMENTED ->
                error(
                        TransferErrorCode.INCOMPATIBLE_PEER,
                        stage,
                        other,
                        "what listens there does not serve this call of " + service.name + "; check " + service.address
                                + " and the version of both sides: " + text(status));
            case UNAVAILABLE ->
                error(
                        TransferErrorCode.CONTROL_FAILED,
                        stage,
                        other,
                        "not reachable; check that it runs, and " + service.address + ": " + text(status));
            default -> error(TransferErrorCode.CONTROL_FAILED, stage, other, "the call failed: " + text(status));
        };
    }

    /**
     * Makes an error of this side, who asked.
     *
     * @param code what is wrong
     * @param stage in which step
     * @param other whom was called
     * @param detail one line for a person
     * @return the error
     */
    public static TransferError error(TransferErrorCode code, Stage stage, String other, String detail) {
        return new TransferError(code, code.number(), stage, Side.INITIATOR, other, true, detail);
    }

    /**
     * The status of a refusal.
     *
     * @param error why
     * @return for people and tools
     */
    public static Status status(TransferError error) {
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
