package io.kvferry.cli;

import io.kvferry.cli.reuse.ReuseCheck;
import io.kvferry.cli.reuse.ReuseReport;
import io.kvferry.cli.reuse.ReuseSettings;
import io.kvferry.spi.Ticker;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
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

    @Mixin
    private ServerOptions servers;

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
            names = "--attempts",
            defaultValue = "5",
            paramLabel = "N",
            description = "How often to try with new prompts. Default: ${DEFAULT-VALUE}.")
    private int attempts;

    @SuppressWarnings("NullAway.Init") // picocli fills the fields
    VerifyReuseCommand() {}

    @Override
    public Integer call() throws IOException {
        Ticker ticker = Ticker.system();
        Optional<ServerOptions.Pair> named = servers.servers(ticker);
        if (named.isEmpty()) {
            throw usage("give the servers with --prefill URL or PREFILL_URL, and --decode URL or DECODE_URL");
        }
        try (ServerOptions.Pair pair = named.get()) {
            checkOptions();
            ReuseSettings settings = new ReuseSettings(
                    promptTokens,
                    maxTokens,
                    servers.timeout(),
                    servers.longestWait(),
                    attempts,
                    firstPrompt,
                    secondPrompt);
            return print(new ReuseCheck(pair.prefill(), pair.decode(), settings, ticker).run());
        }
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
