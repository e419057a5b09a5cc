package io.kvferry.spi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import io.kvferry.spi.TransferErrorCode.Effect;
import io.kvferry.spi.TransferErrorCode.Retry;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Codes, errors and the exception that carries them. */
class TransferErrorTest {
    @ParameterizedTest
    @CsvSource({
        "0,OK,false",
        "1,CANCELLED,false",
        "2,DEADLINE_EXCEEDED,true",
        "3,INVALID_REQUEST,false",
        "4,NOT_FOUND,true",
        "5,ALREADY_EXISTS,false",
        "6,BUFFER_MISMATCH,false",
        "7,MEMORY_NOT_REGISTERED,false",
        "8,ACCESS_DENIED,false",
        "9,CONNECTION_FAILED,true",
        "10,CONTROL_FAILED,true",
        "11,TRANSFER_FAILED,true",
        "12,PEER_LOST,true",
        "13,PEER_RESTARTED,true",
        "14,INCOMPATIBLE_PEER,false",
        "15,PROTOCOL_ERROR,false",
        "16,DATA_CORRUPTED,true",
        "17,RESOURCE_EXHAUSTED,true",
        "18,UNSUPPORTED,false",
        "19,BACKEND_UNAVAILABLE,false",
        "20,SHUTTING_DOWN,true",
        "21,INTERNAL,false",
        "22,NOT_QUIESCENT,true",
        "23,LEASE_ENDED,false"
    })
    void numbersAndRetriesNeverChange(int number, TransferErrorCode code, boolean retryable) {
        assertThat(code.number()).isEqualTo(number);
        assertThat(TransferErrorCode.ofNumber(number)).isSameAs(code);
        assertThat(code.retry().isAutomatic()).isEqualTo(retryable);
        assertThat(TransferError.of(code, Stage.TRANSFER, "x").isRetryable()).isEqualTo(retryable);
    }

    @Test
    void theTableAboveNamesEveryCode() {
        assertThat(TransferErrorCode.values()).hasSize(24 + 1);
        assertThat(TransferErrorCode.UNRECOGNIZED.number()).isEqualTo(-1);
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, -2, 24, 1000, Integer.MAX_VALUE, Integer.MIN_VALUE})
    void numbersThisVersionDoesNotKnowAreUnrecognized(int number) {
        assertThat(TransferErrorCode.ofNumber(number)).isSameAs(TransferErrorCode.UNRECOGNIZED);
    }

    @Test
    void aTimeOutMayHaveWrittenAndARefusalHasNot() {
        assertThat(TransferErrorCode.DEADLINE_EXCEEDED.effect()).isEqualTo(Effect.MAY_HAVE_WRITTEN);
        assertThat(TransferErrorCode.NOT_QUIESCENT.effect()).isEqualTo(Effect.NONE);
        assertThat(TransferErrorCode.PEER_RESTARTED.retry()).isEqualTo(Retry.NEW_CONNECTION);
        assertThat(TransferErrorCode.BUFFER_MISMATCH.retry()).isEqualTo(Retry.AFTER_FIX);
        assertThat(TransferErrorCode.CANCELLED.retry()).isEqualTo(Retry.NEVER);
    }

    @ParameterizedTest
    @EnumSource(TransferErrorCode.class)
    void anErrorStartsAtTheInitiatorWithSafeMemoryAndTellsEverything(TransferErrorCode code) {
        TransferError error = TransferError.of(code, Stage.PREPARE, "7 > 4");

        assertThat(error.number()).isEqualTo(code.number());
        assertThat(error.side()).isEqualTo(Side.INITIATOR);
        assertThat(error.peer()).isEmpty();
        assertThat(error.memorySafe()).isTrue();
        assertThat(error.toString()).contains("PREPARE", "INITIATOR", "7 > 4").doesNotContain("quarantine");
    }

    @Test
    void seenFromAnotherSideOnlySideAndPeerChange() {
        TransferError error = TransferError.of(TransferErrorCode.PEER_LOST, Stage.TRANSFER, "gone")
                .withMemorySafe(false);
        TransferError seen = error.at(Side.TARGET, "node-7@10.0.0.7:7400");

        assertThat(seen)
                .isEqualTo(new TransferError(
                        TransferErrorCode.PEER_LOST,
                        12,
                        Stage.TRANSFER,
                        Side.TARGET,
                        "node-7@10.0.0.7:7400",
                        false,
                        "gone"));
        assertThat(seen)
                .hasToString("PEER_LOST at TRANSFER (TARGET, peer node-7@10.0.0.7:7400, memory in quarantine): gone");
    }

    @Test
    void anUnknownNumberIsKeptAndShown() {
        TransferError error = new TransferError(
                TransferErrorCode.ofNumber(99), 99, Stage.FINISH, Side.INITIATOR, "", true, "from a newer peer");

        assertThat(error.at(Side.TARGET, "p").withMemorySafe(false).number()).isEqualTo(99);
        assertThat(error.toString()).startsWith("code 99 at FINISH");
        assertThat(error.isRetryable()).isFalse();
    }

    @Test
    void nothingOfAnErrorIsMissing() {
        assertThatNullPointerException()
                .isThrownBy(() -> new TransferError(null, 1, Stage.OPEN, Side.TARGET, "", true, ""));
        assertThatNullPointerException()
                .isThrownBy(() -> TransferError.of(TransferErrorCode.INTERNAL, Stage.OPEN, null));
        assertThatNullPointerException()
                .isThrownBy(() -> TransferError.of(TransferErrorCode.INTERNAL, Stage.OPEN, "")
                        .at(Side.TARGET, null));
    }

    @Test
    void theExceptionCarriesTheErrorAndItsCause() {
        Throwable cause = new IllegalStateException("below");
        TransferException exception =
                new TransferException(TransferErrorCode.UNSUPPORTED, Stage.REGISTER, "CUDA memory", cause);

        assertThat(exception.code()).isEqualTo(TransferErrorCode.UNSUPPORTED);
        assertThat(exception.error().stage()).isEqualTo(Stage.REGISTER);
        assertThat(exception).hasMessage(exception.error().toString()).hasCause(cause);
        assertThat(new TransferException(exception.error()).error()).isSameAs(exception.error());
    }

    @Test
    void anExceptionThatWasSerialisedKeepsItsMessage() throws Exception {
        TransferException exception = new TransferException(TransferErrorCode.PEER_LOST, Stage.TRANSFER, "gone");
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
            out.writeObject(exception);
        }
        TransferException read;
        try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
            read = (TransferException) in.readObject();
        }

        assertThat(read).hasMessage(exception.getMessage());
        assertThat(read.code()).isEqualTo(TransferErrorCode.UNRECOGNIZED);
    }
}
