package io.kvferry.control.grpc;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Metadata;
import io.kvferry.control.grpc.wire.CommonProto;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class ErrorCodecTest {
    private static TransferError roundTrip(TransferError error) {
        TransferError back = ErrorCodec.fromTrailers(ErrorCodec.toTrailers(error), Stage.HELLO);
        assertThat(back).isNotNull();
        return back;
    }

    @ParameterizedTest
    @EnumSource(
            names = {"OK", "UNRECOGNIZED"},
            mode = EnumSource.Mode.EXCLUDE)
    void required_R7_everyCodeSurvivesTheRoundTrip(TransferErrorCode code) {
        TransferError error = new TransferError(code, code.number(), Stage.SUBMIT, Side.INITIATOR, "n@h:1", true, "d");

        assertThat(roundTrip(error)).isEqualTo(error);
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 24, 4711, Integer.MAX_VALUE, Integer.MIN_VALUE})
    void required_R7_anUnknownNumberSurvivesTheRoundTrip(int number) {
        TransferError error = new TransferError(
                TransferErrorCode.UNRECOGNIZED, number, Stage.CLOSE, Side.TARGET, "", false, "from a later version");

        assertThat(roundTrip(error)).isEqualTo(error);
    }

    @ParameterizedTest
    @EnumSource(Stage.class)
    void everyStageSurvivesTheRoundTrip(Stage stage) {
        TransferError error = new TransferError(TransferErrorCode.CANCELLED, 1, stage, Side.TARGET, "", false, "");

        assertThat(roundTrip(error)).isEqualTo(error);
    }

    @Test
    void stageAndSideOfALaterVersionAreReadCautiously() {
        TransferError error = ErrorCodec.decode(
                CommonProto.Error.newBuilder()
                        .setNumber(2)
                        .setStageValue(99)
                        .setSideValue(99)
                        .build(),
                Stage.HELLO);

        assertThat(error)
                .isEqualTo(new TransferError(
                        TransferErrorCode.DEADLINE_EXCEEDED, 2, Stage.TRANSFER, Side.TARGET, "", false, ""));
    }

    @Test
    void anErrorWithoutACodeIsAProtocolError() {
        Metadata trailers = new Metadata();
        trailers.put(
                ErrorCodec.TRAILER,
                CommonProto.Error.newBuilder().setDetail("all is well").build().toByteArray());

        TransferError error = ErrorCodec.fromTrailers(trailers, Stage.FINISH);

        assertThat(error).isNotNull();
        assertThat(error.code()).isEqualTo(TransferErrorCode.PROTOCOL_ERROR);
        assertThat(error.stage()).isEqualTo(Stage.FINISH);
        assertThat(error.detail()).contains("error.number");
    }

    @Test
    void anUndecodableTrailerIsAProtocolError() {
        Metadata trailers = new Metadata();
        trailers.put(ErrorCodec.TRAILER, new byte[] {(byte) 0xff, 1, 2, 3});

        TransferError error = ErrorCodec.fromTrailers(trailers, Stage.FINISH);

        assertThat(error).isNotNull();
        assertThat(error.code()).isEqualTo(TransferErrorCode.PROTOCOL_ERROR);
    }

    @Test
    void noTrailerIsNoRefusal() {
        assertThat(ErrorCodec.fromTrailers(new Metadata(), Stage.FINISH)).isNull();
    }

    @ParameterizedTest
    @CsvSource({"1024,1024", "1025,1024", "1000000,1024"})
    void aLongDetailIsCutSoThatTrailersFit(int length, int expected) {
        TransferError error = new TransferError(
                TransferErrorCode.BUFFER_MISMATCH, 6, Stage.PREPARE, Side.TARGET, "", true, "ü".repeat(length));

        assertThat(roundTrip(error).detail()).hasSize(expected);
        assertThat(ErrorCodec.toTrailers(error).get(ErrorCodec.TRAILER)).hasSizeLessThan(4096);
    }
}
