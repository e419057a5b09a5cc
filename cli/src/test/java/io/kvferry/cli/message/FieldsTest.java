package io.kvferry.cli.message;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.kvferry.spi.Payload;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FieldsTest {
    @Test
    void fieldsArriveAsTheyWereSent() {
        Fields read = Fields.read(Fields.NONE
                .with("name", "a=b c")
                .with("size", 7)
                .with("empty", "")
                .payload());

        assertThat(read.text("name")).isEqualTo("a=b c");
        assertThat(read.number("size", 0, 7)).isEqualTo(7);
        assertThat(read.text("empty")).isEmpty();
        assertThat(read.has("other")).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"no equals sign", "=value", "size=7\n\nname=x"})
    void whatIsNoFieldIsAProtocolError(String text) {
        refused(() -> Fields.read(payload(text)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"size=", "size=1e3", "size=-1", "size=99999999999999999999", "size=11"})
    void aNumberThatIsNoneOrOutOfRangeIsAProtocolError(String text) {
        Fields read = Fields.read(payload(text));

        refused(() -> read.number("size", 0, 10));
    }

    @Test
    void aMissingFieldIsNamed() {
        assertThatExceptionOfType(TransferException.class)
                .isThrownBy(() -> Fields.NONE.text("session"))
                .withMessageContaining("'session' is missing");
    }

    @Test
    void aMessageThatIsTooLargeIsRefusedUnread() {
        refused(() -> Fields.read(new Payload(new byte[1 << 20])));
    }

    @Test
    void tooManyFieldsAreRefused() {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 65; i++) {
            text.append("f").append(i).append("=1\n");
        }

        refused(() -> Fields.read(payload(text.toString())));
    }

    @ParameterizedTest
    @ValueSource(strings = {"a\nb", "a\r", "a\n"})
    void aValueOfTwoLinesCannotBeSent(String value) {
        assertThatIllegalArgumentException().isThrownBy(() -> Fields.NONE.with("name", value));
    }

    @Test
    void anyBytesAreFieldsOrAProtocolError() {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        for (int i = 0; i < 2000; i++) {
            byte[] bytes = new byte[random.nextInt(200)];
            random.nextBytes(bytes);
            try {
                assertThat(Fields.read(new Payload(bytes))).as("seed %s", seed).isNotNull();
            } catch (TransferException e) {
                assertThat(e.code()).as("seed %s", seed).isEqualTo(TransferErrorCode.PROTOCOL_ERROR);
            }
        }
    }

    private static void refused(org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
        assertThatExceptionOfType(TransferException.class)
                .isThrownBy(call)
                .satisfies(e -> assertThat(e.code()).isEqualTo(TransferErrorCode.PROTOCOL_ERROR));
    }

    private static Payload payload(String text) {
        return new Payload(text.getBytes(StandardCharsets.UTF_8));
    }
}
