package io.kvferry.cli.reuse;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class TwoNodeBenchTest {
    private static final TwoNodeBench.Settings SETTINGS =
            new TwoNodeBench.Settings(6, 4, Duration.ofSeconds(10), Duration.ofSeconds(20));

    private ScriptedServer prefill;
    private ScriptedServer decode;
    private ReuseServer first;
    private ReuseServer second;

    @BeforeEach
    void start() throws IOException {
        prefill = new ScriptedServer();
        decode = new ScriptedServer();
        decode.others(prefill.stored());
        first = new ReuseServer(new ReuseServer.Address("prefill", prefill.url(), null, null), "", Ticker.system());
        second = new ReuseServer(new ReuseServer.Address("decode", decode.url(), null, null), "", Ticker.system());
    }

    @AfterEach
    void stop() {
        first.close();
        second.close();
        prefill.close();
        decode.close();
    }

    @Test
    void aPointHasEveryFigureThatTheServersTell() {
        TwoNodeResult result = new TwoNodeBench(first, second, SETTINGS, Ticker.system()).run(256, 3);

        Map<String, String> columns = result.columns();
        assertThat(columns)
                .containsEntry("prompt_tokens", "256")
                .containsEntry("concurrency", "3")
                .containsEntry("requests", "6")
                .containsEntry("hit_share", "0.875")
                .containsEntry("kv_transfer_mean_ms", "-");
        assertThat(Double.parseDouble(columns.get("ttft_cold_p50_ms"))).isPositive();
        assertThat(Double.parseDouble(columns.get("answer_tokens_per_s"))).isPositive();
        assertThat(result.reused())
                .hasSize(6)
                .allSatisfy(answer -> assertThat(answer.tokens()).isEqualTo(4));
    }

    @Test
    void serversWithoutMetricsAreMeasuredFromOutside() {
        prefill.hasMetrics = false;
        decode.hasMetrics = false;

        Map<String, String> columns = new TwoNodeBench(first, second, SETTINGS, Ticker.system())
                .run(256, 1)
                .columns();

        assertThat(columns).containsEntry("hit_share", "-").containsEntry("requests", "6");
    }

    @Test
    void aServerThatFailsEndsTheBenchmark() {
        decode.failWith = 503;

        assertThatExceptionOfType(TransferException.class)
                .isThrownBy(() -> new TwoNodeBench(first, second, SETTINGS, Ticker.system()).run(256, 2))
                .satisfies(e -> assertThat(e.code()).isEqualTo(TransferErrorCode.CONTROL_FAILED));
    }
}
