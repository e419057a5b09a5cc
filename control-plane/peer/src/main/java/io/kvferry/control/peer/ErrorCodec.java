package io.kvferry.control.peer;

import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.Metadata;
import io.kvferry.control.peer.wire.PeerProto;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import org.jspecify.annotations.Nullable;

/** Errors to bytes and back: the only place that does (R7). */
final class ErrorCodec {
    /** Where a refusal travels. */
    static final Metadata.Key<byte[]> TRAILER = Metadata.Key.of("kvferry-error-bin", Metadata.BINARY_BYTE_MARSHALLER);

    /** Trailers are limited to 8 KiB by default in every gRPC implementation. */
    private static final int MAX_DETAIL = 1024;

    private static final int MAX_PEER = 256;

    private ErrorCodec() {}

    static PeerProto.Error encode(TransferError error) {
        return PeerProto.Error.newBuilder()
                .setNumber(error.number())
                .setStage(stage(error.stage()))
                .setSide(
                        switch (error.side()) {
                            case INITIATOR -> PeerProto.Side.SIDE_INITIATOR;
                            case TARGET -> PeerProto.Side.SIDE_TARGET;
                        })
                .setPeer(cut(error.peer(), MAX_PEER))
                .setMemorySafe(error.memorySafe())
                .setDetail(cut(error.detail(), MAX_DETAIL))
                .build();
    }

    /**
     * Reads an error.
     *
     * @throws TransferException PROTOCOL_ERROR if it has no number
     */
    static TransferError decode(PeerProto.Error error, Stage reading) {
        if (error.getNumber() == TransferErrorCode.OK.number()) {
            throw new TransferException(
                    TransferErrorCode.PROTOCOL_ERROR, reading, "error.number is missing or 0: an error without a code");
        }
        return new TransferError(
                TransferErrorCode.ofNumber(error.getNumber()),
                error.getNumber(),
                stage(error.getStage()),
                error.getSide() == PeerProto.Side.SIDE_INITIATOR ? Side.INITIATOR : Side.TARGET,
                cut(error.getPeer(), MAX_PEER),
                error.getMemorySafe(),
                cut(error.getDetail(), MAX_DETAIL));
    }

    static Metadata toTrailers(TransferError error) {
        Metadata trailers = new Metadata();
        trailers.put(TRAILER, encode(error).toByteArray());
        return trailers;
    }

    /** Returns the refusal in trailers, or null if there is none. An undecodable one is PROTOCOL_ERROR. */
    static @Nullable TransferError fromTrailers(Metadata trailers, Stage stage) {
        byte[] bytes = trailers.get(TRAILER);
        if (bytes == null) {
            return null;
        }
        try {
            return decode(PeerProto.Error.parseFrom(bytes), stage);
        } catch (InvalidProtocolBufferException e) {
            return TransferError.of(
                    TransferErrorCode.PROTOCOL_ERROR,
                    stage,
                    "the trailer kvferry-error-bin is not an error: " + e.getMessage());
        } catch (TransferException e) {
            return e.error();
        }
    }

    private static PeerProto.Stage stage(Stage stage) {
        return switch (stage) {
            case OPEN -> PeerProto.Stage.STAGE_OPEN;
            case REGISTER -> PeerProto.Stage.STAGE_REGISTER;
            case OFFER -> PeerProto.Stage.STAGE_OFFER;
            case HELLO -> PeerProto.Stage.STAGE_HELLO;
            case PREPARE -> PeerProto.Stage.STAGE_PREPARE;
            case SUBMIT -> PeerProto.Stage.STAGE_SUBMIT;
            case TRANSFER -> PeerProto.Stage.STAGE_TRANSFER;
            case FINISH -> PeerProto.Stage.STAGE_FINISH;
            case CLOSE -> PeerProto.Stage.STAGE_CLOSE;
        };
    }

    private static Stage stage(PeerProto.Stage stage) {
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
