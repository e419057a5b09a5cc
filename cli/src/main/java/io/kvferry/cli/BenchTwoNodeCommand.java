package io.kvferry.cli;

import io.kvferry.cli.bench.BenchPlot;
import io.kvferry.cli.reuse.TwoNodeBench;
import io.kvferry.cli.reuse.TwoNodeResult;
import io.kvferry.spi.Ticker;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

@Command(
        name = "two-node",
        description = {
            "Measures a prefill and a decode server: prefill, KV transfer and decode time, TTFT, TBT, throughput.",
            "Without addresses it starts the nodes of the demo here. Every combination of the lists is one line."
        },
        mixinStandardHelpOptions = true,
        footerHeading = "%nExample:%n",
        footer = "  kvferry bench two-node --prompt-tokens 1024,2048 --concurrency 1,2 --plot two-node.html")
final class BenchTwoNodeCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Mixin
    private EngineOptions engineOptions;

    @Mixin
    private ServerOptions servers;

    @Mixin
    private ReportOptions report;

    @Option(
            names = "--prompt-tokens",
            split = ",",
            defaultValue = "512,1024,2048",
            paramLabel = "N",
            description = "Lengths of the prompts, about. Default: ${DEFAULT-VALUE}.")
    private List<Integer> promptTokens;

    @Option(
            names = "--concurrency",
            split = ",",
            defaultValue = "1",
            paramLabel = "N",
            description = "Requests at a time. Default: ${DEFAULT-VALUE}.")
    private List<Integer> concurrency;

    @Option(
            names = "--requests",
            defaultValue = "4",
            paramLabel = "N",
            description = "Prompts of each line. Default: ${DEFAULT-VALUE}.")
    private int requests;

    @Option(
            names = "--answer-tokens",
            defaultValue = "32",
            paramLabel = "N",
            description = "Length of the answers. Default: ${DEFAULT-VALUE}.")
    private int answerTokens;

    @SuppressWarnings("NullAway.Init") // picocli fills the fields
    BenchTwoNodeCommand() {}

    @Override
    public Integer call() throws IOException {
        checkOptions();
        Ticker ticker = Ticker.system();
        Optional<ServerOptions.Pair> named = servers.servers(ticker);
        if (named.isPresent()) {
            try (ServerOptions.Pair pair = named.get()) {
                run(pair, ticker);
            }
            return ExitCode.OK;
        }
        try (TwoNodes nodes = TwoNodes.start(engineOptions);
                ServerOptions.Pair pair = new ServerOptions.Pair(
                        TwoNodes.client("prefill", nodes.prefill(), ticker),
                        TwoNodes.client("decode", nodes.decode(), ticker))) {
            run(pair, ticker);
        }
        return ExitCode.OK;
    }

    private void checkOptions() {
        List<Integer> numbers = new ArrayList<>(promptTokens);
        numbers.addAll(concurrency);
        numbers.addAll(List.of(requests, answerTokens));
        if (numbers.stream().anyMatch(number -> number < 1)) {
            throw usage("--prompt-tokens, --concurrency, --requests and --answer-tokens are at least 1");
        }
        report.check();
    }

    private ParameterException usage(String message) {
        return new ParameterException(spec.commandLine(), message);
    }

    private void run(ServerOptions.Pair pair, Ticker ticker) throws IOException {
        TwoNodeBench.Settings settings =
                new TwoNodeBench.Settings(requests, answerTokens, servers.longestWait(), servers.timeout());
        TwoNodeBench bench = new TwoNodeBench(pair.prefill(), pair.decode(), settings, ticker);
        bench.warmUp(promptTokens.getFirst());
        List<TwoNodeResult> results = new ArrayList<>();
        for (int threads : concurrency) {
            for (int length : promptTokens) {
                results.add(bench.run(length, threads));
            }
        }
        List<Map<String, String>> rows =
                results.stream().map(TwoNodeResult::columns).toList();
        PrintWriter out = spec.commandLine().getOut();
        out.print(table(rows).text(true));
        out.flush();
        report.write(rows, figure(results));
    }

    private static Table table(List<Map<String, String>> rows) {
        Table table = new Table(rows.getFirst().keySet().toArray(String[]::new));
        rows.forEach(row -> table.add(row.values().toArray(String[]::new)));
        return table;
    }

    private static BenchPlot.Figure figure(List<TwoNodeResult> results) {
        Map<String, Map<Long, Double>> lines = new LinkedHashMap<>();
        for (TwoNodeResult result : results) {
            String suffix = ", " + result.concurrency() + " at a time";
            long length = result.promptTokens();
            lines.computeIfAbsent("from scratch" + suffix, _ -> new TreeMap<>()).put(length, result.coldMillis());
            lines.computeIfAbsent("reused" + suffix, _ -> new TreeMap<>()).put(length, result.reusedMillis());
        }
        return new BenchPlot.Figure(
                "kvferry bench two-node: median time to the first token", "tokens", String::valueOf, "ms", lines);
    }
}
