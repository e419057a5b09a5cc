package io.kvferry.cli.reuse;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What counts as proof, and what does not although it looks like it. */
class ReuseCheckTest {
    @TempDir
    Path folder;

    private ScriptedServer prefill;
    private ScriptedServer decode;
    private Path decodeLog;
    private Duration timeout = Duration.ofSeconds(20);
    private Duration wait = Duration.ofSeconds(10);

    @BeforeEach
    void start() throws IOException {
        prefill = new ScriptedServer();
        decode = new ScriptedServer();
        decode.others(prefill.stored());
    }

    @AfterEach
    void stop() {
        prefill.close();
        decode.close();
    }

    private ReuseReport check() throws IOException {
        ReuseSettings settings = new ReuseSettings(256, 8, timeout, wait, 3, null, null);
        try (ReuseServer first = server("prefill", prefill, null);
                ReuseServer second = server("decode", decode, decodeLog)) {
            return new ReuseCheck(first, second, settings, Ticker.system()).run();
        }
    }

    private static ReuseServer server(String name, ScriptedServer server, Path log) throws IOException {
        return new ReuseServer(new ReuseServer.Address(name, server.url(), null, log), "m", Ticker.system());
    }

    private static String value(ReuseReport report, String figure) {
        return report.figures().stream()
                .filter(f -> f.name().equals(figure))
                .map(ReuseReport.Figure::value)
                .findFirst()
                .orElse("none");
    }

    @ParameterizedTest
    @ValueSource(strings = {"_total", ""})
    void hitsOfABeginningThatOnlyPrefillHasSeenAreTheProof(String suffix) throws IOException {
        prefill.suffix = suffix;
        decode.suffix = suffix;

        ReuseReport report = check();

        assertThat(report.isProved()).as(report.toString()).isTrue();
        assertThat(value(report, "control: hit tokens")).isEqualTo("0");
        assertThat(value(report, "decode: hits")).isEqualTo("224");
        assertThat(value(report, "decode: from a peer")).isEqualTo("224");
        assertThat(value(report, "same answer")).isEqualTo("yes");
        assertThat(value(report, "attempts")).isEqualTo("1");
        assertThat(report.figures())
                .allSatisfy(figure -> assertThat(figure.meaning()).isNotEmpty());
    }

    @Test
    void aHitRateThatIsAlwaysOneProvesNothing() throws IOException {
        decode.others(Set.of());

        ReuseReport report = check();

        assertThat(report.isProved()).isFalse();
        assertThat(report.verdict()).singleElement().asString().contains("found nothing", "3 attempts");
    }

    @Test
    void aMissIsTriedAgainWithAPromptThatDecodeHasNotComputedItself() throws IOException {
        decode.missesFirst = 2;

        ReuseReport report = check();

        assertThat(report.isProved()).as(report.toString()).isTrue();
        assertThat(value(report, "attempts")).isEqualTo("3");
        assertThat(value(report, "decode: from a peer")).isEqualTo("224");
    }

    @Test
    void aServerThatHitsPromptsThatNobodyHasSeenIsNotBelieved() throws IOException {
        decode.hitsOfAnything = 64;

        ReuseReport report = check();

        assertThat(report.isProved()).isFalse();
        assertThat(report.verdict()).singleElement().asString().contains("64 hits", "nobody has seen");
    }

    @Test
    void aServerWithoutLookUpCountersIsNotBelieved() throws IOException {
        decode.hasLookupCounters = false;
        wait = Duration.ofMillis(200); // for counters that never come

        ReuseReport report = check();

        assertThat(report.isProved()).isFalse();
        assertThat(report.verdict()).singleElement().asString().contains("--decode-metrics", "proves nothing");
    }

    @Test
    void aServerWithoutMetricsIsNotBelieved() throws IOException {
        decode.hasMetrics = false;

        assertThat(check().verdict()).singleElement().asString().contains("--decode-metrics or --decode-log");
    }

    @Test
    void aLogStandsInForMetrics() throws IOException {
        decode.hasMetrics = false;
        decodeLog = Files.writeString(folder.resolve("decode.log"), "LMCache hit tokens: 999\n");
        decode.stream = text -> {
            log("Reqid: cmpl-1, Total tokens 256, LMCache hit tokens: " + (decode.requests > 2 ? 224 : 0) + ", need");
            return text;
        };

        ReuseReport report = check();

        assertThat(report.isProved()).as(report.toString()).isTrue();
        assertThat(value(report, "decode: hits")).isEqualTo("224");
        assertThat(value(report, "decode: from a peer")).isEqualTo("not told");
    }

    private void log(String line) {
        try {
            Files.writeString(decodeLog, line + "\n", StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void aRestartOfDecodeVoidsTheCheck() throws IOException {
        decode.restartAtRequest = 2;

        ReuseReport report = check();

        assertThat(report.isProved()).isFalse();
        assertThat(report.verdict()).singleElement().asString().contains("restarted");
    }

    @Test
    void aRestartOfPrefillIsTriedAgain() throws IOException {
        prefill.restartAtRequest = 1;

        ReuseReport report = check();

        assertThat(report.isProved()).as(report.toString()).isTrue();
        assertThat(value(report, "attempts")).isEqualTo("2");
    }

    @Test
    void prefillThatStoresNothingIsNamed() throws IOException {
        prefill.stores = false;
        wait = Duration.ofMillis(200);

        assertThat(check().verdict()).singleElement().asString().contains("did not store the prompt within PT0.2S");
    }

    @Test
    void prefillThatDoesNotSayWhenItHasStoredIsGoneOnWithout() throws IOException {
        prefill.hasMetrics = false;

        ReuseReport report = check();

        assertThat(report.isProved()).as(report.toString()).isTrue();
        assertThat(report.figures()).anyMatch(figure -> figure.meaning().contains("--prefill-metrics"));
    }

    @Test
    void somebodyElseOnTheServerMakesItsCountersWorthless() throws IOException {
        decode.stream = text -> {
            decode.strangersTokens = decode.requests >= 2 ? 5000 : 0;
            return text;
        };

        ReuseReport report = check();

        assertThat(report.isProved()).isFalse();
        assertThat(report.verdict()).singleElement().asString().contains("somebody else");
    }

    @Test
    void anErrorIsTheServersOwnWords() {
        decode.failWith = 500;

        assertThatExceptionOfType(TransferException.class)
                .isThrownBy(this::check)
                .withMessageContaining("decode server")
                .withMessageContaining("500: CUDA out of memory")
                .satisfies(e -> assertThat(e.code()).isEqualTo(TransferErrorCode.CONTROL_FAILED));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "data: [DONE]\n\n",
                "data: {\"choices\"\n\n",
                "data: {\"choices\":[{\"text\":\"a\"}]}\n\n",
                "data: {\"error\":{\"message\":\"no\"}}\n\n"
            })
    void anAnswerThatIsNoneIsAProtocolError(String body) {
        decode.stream = _ -> body;

        assertThatExceptionOfType(TransferException.class)
                .isThrownBy(this::check)
                .satisfies(e -> assertThat(e.code()).isEqualTo(TransferErrorCode.PROTOCOL_ERROR));
    }

    @Test
    void aServerThatDoesNotAnswerIsLate() {
        timeout = Duration.ofMillis(100);
        CountDownLatch held = new CountDownLatch(1);
        decode.stream = text -> {
            try {
                return held.await(20, TimeUnit.SECONDS) ? text : "";
            } catch (InterruptedException e) {
                return "";
            }
        };

        assertThatExceptionOfType(TransferException.class)
                .isThrownBy(this::check)
                .satisfies(e -> assertThat(e.code()).isEqualTo(TransferErrorCode.DEADLINE_EXCEEDED));
        held.countDown();
    }

    @Test
    void pagesOfMetricsAreReadWithLabelsAndTimes() {
        MetricsPage page = MetricsPage.read("# TYPE a counter\na_total{x=\"}{ \",y=\"2\"} 3.0 1700000000\na_total 4\n"
                + "b 1e3\nc NaN\nnonsense\n d{ 3\n");

        assertThat(page.value("a")).hasValue(7);
        assertThat(page.value("b")).hasValue(1000);
        assertThat(page.value("none", "b")).hasValue(1000);
        assertThat(page.value("nonsense")).isEmpty();
        assertThatExceptionOfType(TransferException.class).isThrownBy(() -> MetricsPage.read("<html></html>"));
    }

    @Test
    void promptsBeginAsNoOtherDoes() {
        assertThat(Prompts.subject()).isNotEqualTo(Prompts.subject());
        String first = Prompts.continued("Report 1. ", 300, 1);
        assertThat(first).hasSize(300).startsWith("Report 1. ");
        assertThat(Prompts.continued(first.substring(0, 200), 300, 2))
                .startsWith(first.substring(0, 200))
                .isNotEqualTo(first);
        assertThat(List.of(Prompts.continued("x", 50, 1))).containsExactly(Prompts.continued("x", 50, 1));
    }
}
