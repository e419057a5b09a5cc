package io.kvferry.cli;

import io.kvferry.cli.bench.BenchPlot;
import io.kvferry.cli.bench.BenchReport;
import io.kvferry.cli.reuse.ReuseServer;
import io.kvferry.cli.reuse.TwoNodeBench;
import io.kvferry.cli.reuse.TwoNodeResult;
import io.kvferry.spi.Ticker;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
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

    @Option(
            names = "--prefill",
            paramLabel = "URL",
            converter = Converters.Url.class,
            description = "Completions of the prefill server.")
    private @Nullable URI prefill;

    @Option(
            names = "--decode",
            paramLabel = "URL",
            converter = Converters.Url.class,
            description = "Completions of the decode server.")
    private @Nullable URI decode;

    @Option(names = "--model", defaultValue = "", paramLabel = "NAME", description = "The model to ask for.")
    private String model;

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

    @Option(
            names = "--wait",
            defaultValue = "30s",
            paramLabel = "DURATION",
            converter = Converters.Time.class,
            description = "The longest wait for the prefill server to store. Default: ${DEFAULT-VALUE}.")
    private Duration wait;

    @Option(
            names = "--timeout",
            defaultValue = "2m",
            paramLabel = "DURATION",
            converter = Converters.Time.class,
            description = "For each request. Default: ${DEFAULT-VALUE}.")
    private Duration timeout;

    @Option(names = "--csv", paramLabel = "FILE", description = "Write the table as comma-separated values.")
    private @Nullable Path csv;

    @Option(names = "--json", paramLabel = "FILE", description = "Write the table as JSON.")
    private @Nullable Path json;

    @Option(
            names = "--plot",
            paramLabel = "FILE",
            description = "Draw TTFT over the length of the prompt; FILE ends in .svg or .html.")
    private @Nullable Path plot;

    @SuppressWarnings("NullAway.Init") // picocli fills the fields
    BenchTwoNodeCommand() {}

    @Override
    public Integer call() throws IOException {
        checkOptions();
        Ticker ticker = Ticker.system();
        URI first = prefill;
        URI second = decode;
        if (first != null && second != null) {
            try (ReuseServer from = server("prefill", first, ticker);
                    ReuseServer to = server("decode", second, ticker)) {
                run(from, to, ticker);
            }
            return ExitCode.OK;
        }
        try (TwoNodes nodes = TwoNodes.start(engineOptions);
                ReuseServer from = TwoNodes.client("prefill", nodes.prefill(), ticker);
                ReuseServer to = TwoNodes.client("decode", nodes.decode(), ticker)) {
            run(from, to, ticker);
        }
        return ExitCode.OK;
    }

    private ReuseServer server(String name, URI url, Ticker ticker) throws IOException {
        return new ReuseServer(new ReuseServer.Address(name, url, null, null), model, ticker);
    }

    private void checkOptions() {
        if ((prefill == null) != (decode == null)) {
            throw usage("--prefill and --decode belong together");
        }
        List<Integer> numbers = new ArrayList<>(promptTokens);
        numbers.addAll(concurrency);
        numbers.addAll(List.of(requests, answerTokens));
        if (numbers.stream().anyMatch(number -> number < 1)) {
            throw usage("--prompt-tokens, --concurrency, --requests and --answer-tokens are at least 1");
        }
        Path image = plot;
        if (image != null && !BenchCommand.isHtml(image) && !image.toString().endsWith(".svg")) {
            throw usage("--plot " + image + " ends neither in .svg nor in .html");
        }
    }

    private ParameterException usage(String message) {
        return new ParameterException(spec.commandLine(), message);
    }

    private void run(ReuseServer from, ReuseServer to, Ticker ticker) throws IOException {
        TwoNodeBench bench =
                new TwoNodeBench(from, to, new TwoNodeBench.Settings(requests, answerTokens, wait, timeout), ticker);
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
        write(results, rows);
    }

    private static Table table(List<Map<String, String>> rows) {
        Table table = new Table(rows.getFirst().keySet().toArray(String[]::new));
        rows.forEach(row -> table.add(row.values().toArray(String[]::new)));
        return table;
    }

    private void write(List<TwoNodeResult> results, List<Map<String, String>> rows) throws IOException {
        Path csvFile = csv;
        if (csvFile != null) {
            Files.writeString(csvFile, BenchReport.csv(rows));
        }
        Path jsonFile = json;
        if (jsonFile != null) {
            Files.writeString(jsonFile, BenchReport.json(rows));
        }
        Path image = plot;
        if (image != null) {
            BenchPlot.Figure figure = figure(results);
            Files.writeString(image, BenchCommand.isHtml(image) ? BenchPlot.html(figure, rows) : BenchPlot.svg(figure));
        }
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
