package io.kvferry.spi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ConfigKeyTest {
    private static final ConfigKey<String> TEXT = ConfigKey.text("kvferry.a", "x", "why");
    private static final ConfigKey<String> SECRET = ConfigKey.secret("kvferry.token", "why");
    private static final ConfigKey<List<String>> LIST = ConfigKey.list("kvferry.list", List.of("a"), "why");
    private static final ConfigKey<Integer> INTEGER = ConfigKey.integer("kvferry.tcp.lanes", 4, 1, 64, "why");
    private static final ConfigKey<Long> SIZE = ConfigKey.size("kvferry.size", 1 << 20, 1, 1L << 50, "why");
    private static final ConfigKey<Duration> DURATION = ConfigKey.duration(
            "kvferry.time-out", Duration.ofSeconds(5), Duration.ofNanos(1000), Duration.ofDays(10), "why");
    private static final ConfigKey<Boolean> BOOL = ConfigKey.bool("kvferry.flag", true, "why");
    private static final ConfigKey<MemoryOrder> ONE_OF = ConfigKey.oneOf("kvferry.order", MemoryOrder.FIRST_IN, "why");

    private enum MemoryOrder {
        FIRST_IN,
        LAST_IN
    }

    @Test
    void everyDefaultSurvivesFormatAndParse() {
        for (ConfigKey<?> key : List.of(TEXT, LIST, INTEGER, SIZE, DURATION, BOOL, ONE_OF)) {
            assertDefaultSurvives(key);
        }
    }

    private static <T> void assertDefaultSurvives(ConfigKey<T> key) {
        assertThat(key.parse(key.format(key.defaultValue()))).as(key.name()).isEqualTo(key.defaultValue());
        assertThat(key.description()).isEqualTo("why");
        assertThat(key.isSecret()).isFalse();
    }

    @ParameterizedTest
    @CsvSource({
        "1,1",
        "512B,512",
        "1KiB,1024",
        "64MiB,67108864",
        "3 GiB,3221225472",
        "1024TiB,1125899906842624",
        "' 7 MiB ',7340032",
        "1536KiB,1572864"
    })
    void sizesAreReadWithTheirUnitsAndSurviveFormat(String text, long bytes) {
        assertThat(SIZE.parse(text)).isEqualTo(bytes);
        assertThat(SIZE.parse(SIZE.format(bytes))).isEqualTo(bytes);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "MiB",
                "-1",
                "0",
                "1MB",
                "1mib",
                "1.5MiB",
                "1025TiB",
                "9223372036854775807TiB",
                "99999999999999999999",
                "1 2",
                "0x10"
            })
    void sizesThatAreNoneOrOutOfRangeAreRefused(String text) {
        assertRefusedWithoutTheText(SIZE, text);
    }

    @ParameterizedTest
    @CsvSource({
        "1us,1000",
        "1500us,1500000",
        "500ms,500000000",
        "30s,30000000000",
        "90s,90000000000",
        "5m,300000000000",
        "2h,7200000000000",
        "61m,3660000000000",
        "' 1 s ',1000000000"
    })
    void durationsAreReadWithTheirUnitsAndSurviveFormat(String text, long nanos) {
        assertThat(DURATION.parse(text)).isEqualTo(Duration.ofNanos(nanos));
        assertThat(DURATION.parse(DURATION.format(Duration.ofNanos(nanos)))).isEqualTo(Duration.ofNanos(nanos));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "5",
                "s",
                "-1s",
                "0s",
                "1d",
                "1 min",
                "241h",
                "9223372036854775807h",
                "9223372036854775807us",
                "99999999999999999999s",
                "1.5s",
                "1S"
            })
    void durationsThatAreNoneOrOutOfRangeAreRefused(String text) {
        assertRefusedWithoutTheText(DURATION, text);
    }

    @ParameterizedTest
    @CsvSource({"1,1", "64,64", "' 7 ',7"})
    void integersInsideTheirRangeAreRead(String text, int value) {
        assertThat(INTEGER.parse(text)).isEqualTo(value);
        assertThat(INTEGER.parse(INTEGER.format(value))).isEqualTo(value);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "0", "65", "-1", "4294967297", "1.0", "four", "99999999999999999999"})
    void integersOutsideTheirRangeAreRefused(String text) {
        assertRefusedWithoutTheText(INTEGER, text);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "yes", "TRUE", "1", "tru"})
    void anythingButTrueAndFalseIsRefused(String text) {
        assertThat(BOOL.parse("true")).isTrue();
        assertThat(BOOL.parse(" false ")).isFalse();
        assertRefusedWithoutTheText(BOOL, text);
    }

    @Test
    void enumConstantsAreLowerCaseWithHyphens() {
        assertThat(ONE_OF.parse("last-in")).isEqualTo(MemoryOrder.LAST_IN);
        assertThat(ONE_OF.format(MemoryOrder.LAST_IN)).isEqualTo("last-in");
        assertThat(ONE_OF.allowed()).isEqualTo("first-in, last-in");
        for (String text : List.of("", "LAST_IN", "last_in", "last", "middle")) {
            assertRefusedWithoutTheText(ONE_OF, text);
        }
    }

    @Test
    void listsAreTrimmedAndWithoutEmptyWords() {
        assertThat(LIST.parse(" rdma , tcp,,")).containsExactly("rdma", "tcp");
        assertThat(LIST.parse("")).isEmpty();
        assertThat(LIST.format(List.of("rdma", "tcp"))).isEqualTo("rdma,tcp");
    }

    @Test
    void textIsTrimmedAndOtherwiseKept() {
        assertThat(TEXT.parse("  a b ")).isEqualTo("a b");
        assertThat(TEXT.format("a b")).isEqualTo("a b");
    }

    @Test
    void secretsAreEmptyByDefaultAndNeverShown() {
        assertThat(SECRET.isSecret()).isTrue();
        assertThat(SECRET.defaultValue()).isEmpty();
        assertThat(SECRET.parse("hunter2")).isEqualTo("hunter2");
        assertThat(SECRET.format("hunter2")).isEqualTo("****");
    }

    @Test
    void allowedValuesAreSaidInTheUnitsOfTheKey() {
        assertThat(INTEGER.allowed()).isEqualTo("1 to 64");
        assertThat(SIZE.allowed()).isEqualTo("1B to 1024TiB");
        assertThat(DURATION.allowed()).isEqualTo("1us to 240h");
        assertThat(BOOL.allowed()).isEqualTo("true, false");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "kvferry",
                "kvferry.",
                "tcp.lanes",
                "kvferry.Tcp",
                "kvferry.tcp.1",
                "kvferry.a_b",
                "kvferry..a"
            })
    void namesAreDottedKebabCaseUnderKvferry(String name) {
        assertThatIllegalArgumentException().isThrownBy(() -> ConfigKey.text(name, "", ""));
    }

    @Test
    void keysAreEqualWhenTheirNamesAre() {
        assertThat(TEXT)
                .isEqualTo(ConfigKey.bool("kvferry.a", true, "other"))
                .hasSameHashCodeAs(ConfigKey.bool("kvferry.a", true, "other"))
                .isNotEqualTo(SIZE)
                .hasToString("kvferry.a");
    }

    private static void assertRefusedWithoutTheText(ConfigKey<?> key, String text) {
        assertThatIllegalArgumentException().isThrownBy(() -> key.parse(text)).satisfies(e -> {
            assertThat(e.getMessage()).isNotBlank();
            if (text.length() > 3) {
                assertThat(e.getMessage()).doesNotContain(text);
            }
        });
    }
}
