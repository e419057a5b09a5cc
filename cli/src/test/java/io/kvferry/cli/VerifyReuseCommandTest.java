package io.kvferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.cli.reuse.ScriptedServer;
import io.kvferry.example.llm.LlmServer;
import io.kvferry.example.llm.LlmServerConfig;
import io.kvferry.example.llm.kv.MemoryPrefixStore;
import io.kvferry.example.llm.kv.PrefixStore;
import io.kvferry.example.llm.model.ModelShape;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VerifyReuseCommandTest {
    @TempDir
    Path folder;

    @Test
    void reuseThatIsProvedIsExplainedFigureByFigure() throws IOException {
        try (ScriptedServer prefill = new ScriptedServer();
                ScriptedServer decode = new ScriptedServer()) {
            decode.others(prefill.stored());

            Cli cli = Cli.run(
                    "verify-reuse",
                    "--prefill",
                    prefill.url().toString(),
                    "--decode",
                    decode.url().toString());

            assertThat(cli.code()).as(cli.out() + cli.err()).isZero();
            assertThat(cli.out()).startsWith("WHAT ").contains("MEANING", "decode: hits", "PROVED: ");
        }
    }

    @Test
    void reuseThatIsNotProvedIsAnExitCodeWithTheRemedy() throws IOException {
        try (ScriptedServer prefill = new ScriptedServer();
                ScriptedServer decode = new ScriptedServer()) {
            decode.others(Set.of());

            Cli cli = Cli.run(
                    "verify-reuse",
                    "--prefill",
                    prefill.url().toString(),
                    "--decode",
                    decode.url().toString(),
                    "--attempts",
                    "1");

            assertThat(cli.code()).isEqualTo(ExitCode.NOT_VERIFIED);
            assertThat(cli.out()).contains("NOT PROVED: ", "same controller");
        }
    }

    @Test
    void theServerOfTheExampleIsOneThatItUnderstands() throws IOException {
        ModelShape shape = new ModelShape(1, 2, 16, 32, 64, 2000);
        LlmServerConfig config = new LlmServerConfig(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                "tiny",
                shape,
                1,
                1,
                8,
                Duration.ofSeconds(10),
                Duration.ofSeconds(30));
        try (PrefixStore shared = new MemoryPrefixStore(shape, 1000);
                LlmServer prefill = LlmServer.open(config, shared);
                LlmServer decode = LlmServer.open(config, shared)) {
            Cli cli = Cli.run(
                    "verify-reuse",
                    "--prefill",
                    url(prefill),
                    "--decode",
                    url(decode),
                    "--model",
                    "tiny",
                    "--max-tokens",
                    "8");

            assertThat(cli.code()).as(cli.out() + cli.err()).isZero();
            assertThat(cli.out().lines())
                    .anyMatch(line -> line.matches("decode: hits +896 .*"))
                    .anyMatch(line -> line.matches("same answer +yes .*"));
        }
    }

    private static String url(LlmServer server) {
        return "http://127.0.0.1:" + server.address().getPort() + "/v1/completions";
    }

    /** Scripts that were written for another tool set these. */
    @Test
    void everyServerCanBeGivenByTheEnvironment() throws Exception {
        try (ScriptedServer prefill = new ScriptedServer();
                ScriptedServer decode = new ScriptedServer()) {
            decode.others(prefill.stored());
            Path output = folder.resolve("output");
            ProcessBuilder command = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "-cp",
                            System.getProperty("java.class.path"),
                            Main.class.getName(),
                            "verify-reuse")
                    .redirectErrorStream(true)
                    .redirectOutput(output.toFile());
            command.environment()
                    .putAll(Map.of(
                            "PREFILL_URL",
                            prefill.url().toString(),
                            "DECODE_URL",
                            decode.url().toString(),
                            "DECODE_METRICS_URL",
                            decode.url().resolve("/metrics").toString(),
                            "MODEL_NAME",
                            "m",
                            "MAX_TOKENS",
                            "3",
                            "WAIT_TIME_BETWEEN_REQUESTS",
                            "5.0"));
            Process process = command.start();
            try {
                assertThat(process.waitFor(40, TimeUnit.SECONDS)).isTrue();
            } finally {
                process.destroyForcibly();
            }
            assertThat(process.exitValue()).as(Files.readString(output)).isZero();
            assertThat(List.of(decode.longestAnswer())).containsExactly(3);
        }
    }
}
