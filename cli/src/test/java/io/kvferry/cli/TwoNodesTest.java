package io.kvferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.cli.reuse.ReuseServer;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Ticker;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A controller and two nodes in processes of their own, and the tools that look at them. */
class TwoNodesTest {
    private static TwoNodes nodes;

    @TempDir
    Path folder;

    @BeforeAll
    static void start() throws IOException {
        nodes = TwoNodes.start(new EngineOptions());
    }

    @AfterAll
    static void stop() {
        if (nodes != null) {
            nodes.close();
        }
    }

    @Test
    void reuseBetweenTheNodesIsProved() throws IOException {
        Cli cli = Cli.run(
                "verify-reuse",
                "--prefill",
                TwoNodes.url(nodes.prefill()).toString(),
                "--decode",
                TwoNodes.url(nodes.decode()).toString(),
                "--prompt-tokens",
                "320",
                "--max-tokens",
                "4");

        assertThat(cli.code())
                .as(cli.out() + cli.err() + nodes.decode().complaint())
                .isZero();
        assertThat(cli.out().lines())
                .anyMatch(line -> line.matches("decode: hits +256 .*"))
                .anyMatch(line -> line.matches("decode: from a peer +256 .*"))
                .anyMatch(line -> line.matches("same answer +yes .*"));
    }

    @Test
    void theNodesAreMeasured() throws IOException {
        Path json = folder.resolve("b.json");
        Path plot = folder.resolve("b.svg");

        Cli cli = Cli.run(
                "bench",
                "two-node",
                "--prefill",
                TwoNodes.url(nodes.prefill()).toString(),
                "--decode",
                TwoNodes.url(nodes.decode()).toString(),
                "--prompt-tokens",
                "300,320",
                "--requests",
                "2",
                "--concurrency",
                "2",
                "--answer-tokens",
                "3",
                "--json",
                json.toString(),
                "--plot",
                plot.toString());

        assertThat(cli.code()).as(cli.out() + cli.err()).isZero();
        assertThat(cli.out().lines()).hasSize(3).first().asString().contains("ttft_reused_p50_ms");
        assertThat(json).content().contains("\"prompt_tokens\": 320", "\"hit_share\": 0.8");
        assertThat(plot).content().contains("from scratch, 2 at a time", "reused, 2 at a time");
    }

    @Test
    void theDemoFetchesWhatPrefillComputedAndProvesTheAnswer() throws IOException {
        Ticker ticker = Ticker.system();
        try (ReuseServer prefill = TwoNodes.client("prefill", nodes.prefill(), ticker);
                ReuseServer decode = TwoNodes.client("decode", nodes.decode(), ticker)) {
            Deadline deadline = Deadline.after(Duration.ofSeconds(50), ticker);
            DemoRun.Result result = new DemoRun(prefill, decode, 512, 6, deadline).run(1);

            assertThat(result.storedTokens()).isEqualTo(512);
            assertThat(result.fetchedChunks()).isEqualTo(1);
            assertThat(result.fetchedBytes()).isEqualTo(2 << 20);
            assertThat(result.transferSeconds()).isPositive();
            assertThat(result.reused().cachedTokens()).isEqualTo(256);
            assertThat(result.scratch().cachedTokens()).isZero();
            assertThat(result.reused().tokens()).isEqualTo(6);
            assertThat(result.isIdentical()).as(result.toString()).isTrue();
            // the same in every run and on every machine
            assertThat(result.reused().text()).isEqualTo("l`o IM");
        }
    }
}
