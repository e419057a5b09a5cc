package io.kvferry.control.grpc;

import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.Metadata;
import io.kvferry.control.grpc.wire.CommonProto;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import org.jspecify.annotations.Nullable;

/**
 * Errors to bytes and back: the only place that does (R7).
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public final class ErrorCodec {
    /** Where a refusal travels. */
    public static final Metadata.Key<byte[]> TRAILER =
            Metadata.Key.of("kvferry-error-bin", Metadata.BINARY_BYTE_MARSHALLER);

    /** Trailers are limited to 8 KiB by default in every gRPC implementation. */
    private static final int MAX_DETAIL = 1024;

    private static final int MAX_PEER = 256;

    private ErrorCodec() {}

    /**
     * Writes an error.
     *
     * @param error the error
     * @return its message; long texts are cut
     */
    public static CommonProto.Error encode(TransferError error) {
        return CommonProto.Error.newBuilder()
                .setNumber(error.number())
                .setStage(stage(error.stage()))
                .setSide(
                        switch (error.side()) {
                            case INITIATOR -> CommonProto.Side.SIDE_INITIATOR;
                            case TARGET -> CommonProto.Side.SIDE_TARGET;
                        })
                .setPeer(cut(error.peer(), MAX_PEER))
                .setMemorySafe(error.memorySafe())
                .setDetail(cut(error.detail(), MAX_DETAIL))
                .build();
    }

    /**
     * Reads an error.
     *
     * @param error its message
     * @param reading where this side is, for an error about the message itself
     * @return the error
     * @throws TransferException PROTOCOL_ERROR if it has no number
     */
    public static TransferError decode(CommonProto.Error error, Stage reading) {
        if (error.getNumber() == TransferErrorCode.OK.number()) {
            throw new TransferException(
                    TransferErrorCode.PROTOCOL_ERROR, reading, "error.number is missing or 0: an error without a code");
        }
        return new TransferError(
                TransferErrorCode.ofNumber(error.getNumber()),
                error.getNumber(),
                stage(error.getStage()),
                error.getSide() == CommonProto.Side.SIDE_INITIATOR ? Side.INITIATOR : Side.TARGET,
                cut(error.getPeer(), MAX_PEER),
                error.getMemorySafe(),
                cut(error.getDetail(), MAX_DETAIL));
    }

    /**
     * Packs a refusal.
     *
     * @param error why
     * @return what a call ends with
     */
    public static Metadata toTrailers(TransferError error) {
        Metadata trailers = new Metadata();
        trailers.put(TRAILER, encode(error).toByteArray());
        return trailers;
    }

    /**
     * Unpacks a refusal.
     *
     * @param trailers what a call ended with
     * @param stage where this side is
     * @return why, or null if there is no refusal; PROTOCOL_ERROR for an undecodable one
     */
    public static @Nullable TransferError fromTrailers(Metadata trailers, Stage stage) {
        byte[] bytes = trailers.get(TRAILER);
        if (bytes == null) {
            return null;
        }
        try {
            return decode(CommonProto.Error.parseFrom(bytes), stage);
        } catch (InvalidProtocolBufferException e) {
            return TransferError.of(
                    TransferErrorCode.PROTOCOL_ERROR,
                    stage,
                    "the trailer kvferry-error-bin is not an error: " + e.getMessage());
        } catch (TransferException e) {
            return e.error();
        }
    }

    private static CommonProto.Stage stage(Stage stage) {
        return switch (stage) {
            case OPEN -> CommonProto.Stage.STAGE_OPEN;
            case REGISTER -> CommonProto.Stage.STAGE_REGISTER;
            case OFFER -> CommonProto.Stage.STAGE_OFFER;
            case HELLO -> CommonProto.Stage.STAGE_HELLO;
            case PREPARE -> CommonProto.Stage.STAGE_PREPARE;
            case SUBMIT -> CommonProto.Stage.STAGE_SUBMIT;
            case TRANSFER -> CommonProto.Stage.STAGE_TRANSFER;
            case FINISH -> CommonProto.Stage.STAGE_FINISH;
            case CLOSE -> CommonProto.Stage.STAGE_CLOSE;
        };
    }

    private static Stage stage(CommonProto.Stage stage) {
        return switch (stage) {
            case STAGE_OPEN -> Stage.OPEN;
            case STAGE_REGISTER -> Stage.REGISTER;
            case STAGE_OFFER -> Stage.OFFER;
            case STAGE_HELLO -> Stage.HELLO;
            case STAGE_PREPARE -> Stage.PREPARE;
            case STAGE_SUBMIT -> Stage.SUBMIT;
            case STAGE_FINISH -> Stage.FINISH;
            case STAGE_CLOSE -> Stage.CLOSE;
            case STAGE_TRANSFER, STAGE_UNSPECIFIED, UNRECOGNIZED -> Stage.TRANSFER;
        };
    }

    private static String cut(String text, int max) {
        return text.length() <= max ? text : text.substring(0, max - 1) + "…";
    }
}
