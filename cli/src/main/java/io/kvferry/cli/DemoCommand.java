package io.kvferry.cli;

import io.kvferry.cli.file.VerificationException;
import io.kvferry.cli.reuse.ReuseServer;
import io.kvferry.engine.EngineConfigKeys;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Ticker;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

@Command(
        name = "demo",
        description = {
            "Computes a prompt on one node and continues it on another, which fetches the KV cache instead of computing it.",
            "Starts a controller, a prefill node and a decode node here, and compares the answer with one from scratch."
        },
        mixinStandardHelpOptions = true,
        footerHeading = "%nExample:%n",
        footer = "  kvferry demo --backend tcp")
final class DemoCommand implements Callable<Integer> {
    private static final int WARM_UPS = 4;

    @Spec
    private CommandSpec spec;

    @Mixin
    private EngineOptions engineOptions;

    @Option(
            names = "--prompt-tokens",
            defaultValue = "2048",
            paramLabel = "N",
            description = "Length of both prompts; 7/8 of it is common to them. Default: ${DEFAULT-VALUE}.")
    private int promptTokens;

    @Option(
            names = "--answer-tokens",
            defaultValue = "32",
            paramLabel = "N",
            description = "Length of the answer. Default: ${DEFAULT-VALUE}.")
    private int answerTokens;

    @Option(
            names = "--timeout",
            defaultValue = "2m",
            paramLabel = "DURATION",
            converter = Converters.Time.class,
            description = "For the whole demo. Default: ${DEFAULT-VALUE}.")
    private Duration timeout;

    @SuppressWarnings("NullAway.Init") // picocli fills the fields
    DemoCommand() {}

    @Override
    public Integer call() throws IOException {
        if (promptTokens < 512 || promptTokens > 8192 || answerTokens < 2 || answerTokens > 1024) {
            throw new ParameterException(
                    spec.commandLine(),
                    "--prompt-tokens " + promptTokens + " is not from 512 to 8192, or --answer-tokens " + answerTokens
                            + " not from 2 to 1024");
        }
        List<String> backends = engineOptions.config().values().get(EngineConfigKeys.BACKEND);
        Ticker ticker = Ticker.system();
        Deadline deadline = Deadline.after(timeout, ticker);
        PrintWriter out = spec.commandLine().getOut();
        try (TwoNodes nodes = TwoNodes.start(engineOptions);
                ReuseServer prefill = TwoNodes.client("prefill", nodes.prefill(), ticker);
                ReuseServer decode = TwoNodes.client("decode", nodes.decode(), ticker)) {
            out.println("process " + nodes.controller().pid() + " is the controller, at "
                    + nodes.controller().address());
            out.println(
                    "process " + nodes.prefill().pid() + " is the prefill node, at " + TwoNodes.url(nodes.prefill()));
            out.println("process " + nodes.decode().pid() + " is the decode node, at " + TwoNodes.url(nodes.decode()));
            out.println();
            out.flush();
            DemoRun.Result result = new DemoRun(prefill, decode, promptTokens, answerTokens, deadline).run(WARM_UPS);
            out.print(table(result, backends).text(false));
            out.flush();
            check(result, nodes.decode());
        }
        return ExitCode.OK;
    }

    private static void check(DemoRun.Result result, ServerProcess decode) {
        if (result.fetchedTokens() == 0) {
            throw new VerificationException("the decode node fetched nothing: " + decode.complaint());
        }
        if (!result.isIdentical()) {
            throw new VerificationException(
                    "the answers differ: '" + result.reused().text() + "' with fetched KV cache, '"
                            + result.scratch().text() + "' from scratch");
        }
    }

    private static Table table(DemoRun.Result result, List<String> backends) {
        Table table = new Table("WHAT", "VALUE");
        long cold = result.scratch().firstTokenNanos();
        long reused = result.reused().firstTokenNanos();
        double transferSeconds = Math.max(result.transferSeconds(), 1e-9);
        table.add(
                "prompt A",
                result.first().promptTokens() + " tokens, computed by prefill in "
                        + Quantity.millis(result.first().firstTokenNanos()) + ", which then stored "
                        + result.storedTokens());
        table.add(
                "prompt B",
                result.reused().promptTokens() + " tokens, " + result.sharedTokens()
                        + " of them as in A, sent to decode");
        table.add(
                "hit", result.fetchedChunks() + " chunks, " + result.fetchedTokens() + " tokens, fetched from prefill");
        table.add(
                "moved",
                Quantity.bytes(result.fetchedBytes()) + " by " + String.join(" or ", backends) + " in "
                        + Quantity.millis((long) (transferSeconds * 1e9)) + ", "
                        + Quantity.perSecond(result.fetchedBytes() / transferSeconds));
        table.add("TTFT from scratch", Quantity.millis(cold));
        table.add(
                "TTFT reused",
                Quantity.millis(reused) + ", " + String.format(Locale.ROOT, "%.2f", (double) reused / cold)
                        + " of that");
        table.add("TBT", Quantity.millis(result.medianGapNanos()) + " between tokens");
        table.add("answer", result.reused().text());
        table.add(
                "from scratch",
                result.isIdentical()
                        ? "identical, all " + result.reused().tokens()
                                + " tokens and the last bit of their probabilities"
                        : "another one: " + result.scratch().text());
        return table;
    }
}
