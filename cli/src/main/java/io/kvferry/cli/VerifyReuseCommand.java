package io.kvferry.cli;

import io.kvferry.cli.reuse.ReuseCheck;
import io.kvferry.cli.reuse.ReuseReport;
import io.kvferry.cli.reuse.ReuseServer;
import io.kvferry.cli.reuse.ReuseSettings;
import io.kvferry.spi.Ticker;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

@Command(
        name = "verify-reuse",
        description = {
            "Proves that a decode server begins with KV cache that a prefill server computed, or says what is missing.",
            "Works with servers that speak OpenAI completions and Prometheus, such as vLLM with LMCache or 'kvferry llm'."
                    + " Each option has an environment variable."
        },
        mixinStandardHelpOptions = true,
        footerHeading = "%nExample:%n",
        footer = "  kvferry verify-reuse --prefill http://10.0.0.7:8010/v1/completions"
                + " --decode http://10.0.0.8:8011/v1/completions --model NAME")
final class VerifyReuseCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Option(
            names = "--prefill",
            defaultValue = "${env:PREFILL_URL}",
            paramLabel = "URL",
            converter = Converters.Url.class,
            description = "Completions of the prefill server. PREFILL_URL.")
    private @Nullable URI prefill;

    @Option(
            names = "--decode",
            defaultValue = "${env:DECODE_URL}",
            paramLabel = "URL",
            converter = Converters.Url.class,
            description = "Completions of the decode server. DECODE_URL.")
    private @Nullable URI decode;

    @Option(
            names = "--prefill-metrics",
            defaultValue = "${env:PREFILL_METRICS_URL}",
            paramLabel = "URL",
            converter = Converters.Url.class,
            description = "Its metrics. PREFILL_METRICS_URL. Default: /metrics of the same host and port.")
    private @Nullable URI prefillMetrics;

    @Option(
            names = "--decode-metrics",
            defaultValue = "${env:DECODE_METRICS_URL}",
            paramLabel = "URL",
            converter = Converters.Url.class,
            description = "The same of the decode server. DECODE_METRICS_URL.")
    private @Nullable URI decodeMetrics;

    @Option(
            names = "--prefill-log",
            defaultValue = "${env:PREFILL_LOG_FILE}",
            paramLabel = "FILE",
            description = "Its log, read where it has no metrics of LMCache. PREFILL_LOG_FILE.")
    private @Nullable Path prefillLog;

    @Option(
            names = "--decode-log",
            defaultValue = "${env:DECODE_LOG_FILE}",
            paramLabel = "FILE",
            description = "The same of the decode server. DECODE_LOG_FILE.")
    private @Nullable Path decodeLog;

    @Option(
            names = "--model",
            defaultValue = "${env:MODEL_NAME}",
            paramLabel = "NAME",
            description = "The model to ask for. MODEL_NAME. Default: the server's.")
    private @Nullable String model;

    @Option(
            names = "--max-tokens",
            defaultValue = "${env:MAX_TOKENS:-64}",
            paramLabel = "N",
            description = "Length of the answers. MAX_TOKENS, else 64.")
    private int maxTokens;

    @Option(
            names = "--prompt-tokens",
            defaultValue = "1024",
            paramLabel = "N",
            description = "Length of the prompts, about; several chunks. Default: ${DEFAULT-VALUE}.")
    private int promptTokens;

    @Option(
            names = "--first-prompt",
            paramLabel = "TEXT",
            description = "A prompt of your own for the prefill server. Each try puts a new beginning before it.")
    private @Nullable String firstPrompt;

    @Option(
            names = "--second-prompt",
            paramLabel = "TEXT",
            description = "The prompt for the decode server, which begins as the first one does.")
    private @Nullable String secondPrompt;

    @Option(
            names = "--wait",
            defaultValue = "${env:WAIT_TIME_BETWEEN_REQUESTS:-30s}",
            paramLabel = "DURATION",
            converter = Converters.Seconds.class,
            description = "The longest wait for a server to count what it did; it goes on as soon as it has."
                    + " WAIT_TIME_BETWEEN_REQUESTS, else 30s.")
    private Duration wait;

    @Option(
            names = "--attempts",
            defaultValue = "5",
            paramLabel = "N",
            description = "How often to try with new prompts. Default: ${DEFAULT-VALUE}.")
    private int attempts;

    @Option(
            names = "--timeout",
            defaultValue = "2m",
            paramLabel = "DURATION",
            converter = Converters.Time.class,
            description = "For each request. Default: ${DEFAULT-VALUE}.")
    private Duration timeout;

    @SuppressWarnings("NullAway.Init") // picocli fills the fields
    VerifyReuseCommand() {}

    @Override
    public Integer call() throws IOException {
        URI prefillUrl = needed(prefill, "--prefill", "PREFILL_URL");
        URI decodeUrl = needed(decode, "--decode", "DECODE_URL");
        checkOptions();
        String name = model == null ? "" : model;
        ReuseSettings settings =
                new ReuseSettings(promptTokens, maxTokens, timeout, wait, attempts, firstPrompt, secondPrompt);
        Ticker ticker = Ticker.system();
        try (ReuseServer first = new ReuseServer(
                        new ReuseServer.Address("prefill", prefillUrl, prefillMetrics, prefillLog), name, ticker);
                ReuseServer second = new ReuseServer(
                        new ReuseServer.Address("decode", decodeUrl, decodeMetrics, decodeLog), name, ticker)) {
            return print(new ReuseCheck(first, second, settings, ticker).run());
        }
    }

    private URI needed(@Nullable URI url, String option, String variable) {
        if (url == null) {
            throw usage("give the server with " + option + " URL or " + variable);
        }
        return url;
    }

    private void checkOptions() {
        if (maxTokens < 1 || promptTokens < 1 || attempts < 1) {
            throw usage("--max-tokens " + maxTokens + ", --prompt-tokens " + promptTokens + " and --attempts "
                    + attempts + " are at least 1");
        }
        if ((firstPrompt == null) != (secondPrompt == null)) {
            throw usage("--first-prompt and --second-prompt belong together");
        }
    }

    private ParameterException usage(String message) {
        return new ParameterException(spec.commandLine(), message);
    }

    private int print(ReuseReport report) {
        PrintWriter out = spec.commandLine().getOut();
        Table table = new Table("WHAT", "VALUE", "MEANING");
        report.figures().forEach(figure -> table.add(figure.name(), figure.value(), figure.meaning()));
        if (!report.figures().isEmpty()) {
            out.print(table.text(false));
            out.println();
        }
        report.verdict().forEach(line -> out.println((report.isProved() ? "PROVED: " : "NOT PROVED: ") + line));
        out.flush();
        return report.isProved() ? ExitCode.OK : ExitCode.NOT_VERIFIED;
    }
}
