package io.kvferry.cli;

import io.kvferry.cli.bench.Bench;
import io.kvferry.cli.bench.BenchCase;
import io.kvferry.cli.bench.BenchPlot;
import io.kvferry.cli.bench.BenchReport;
import io.kvferry.cli.bench.BenchResult;
import io.kvferry.cli.bench.BenchSettings;
import io.kvferry.engine.TransferEngine;
import io.kvferry.spi.ChecksumMode;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerAddress;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
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
        name = "bench",
        description = {
            "Measures transfers between two processes: bandwidth, the time of each step, processor time on both sides.",
            "GB are 1e9 bytes, times are in microseconds. Every combination of the lists is one line of the table."
        },
        mixinStandardHelpOptions = true,
        footerHeading = "%nExample:%n",
        footer = "  kvferry bench --block-size 64KiB,1MiB --batch 1,16 --operation read,write --plot bench.html",
        subcommands = BenchTwoNodeCommand.class)
final class BenchCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Mixin
    private EngineOptions engineOptions;

    @Mixin
    private ReportOptions report;

    @Option(names = "--local", description = "Start the target as a second process here. This is the default.")
    private boolean local;

    @Option(
            names = "--to",
            paramLabel = "HOST:PORT",
            converter = Converters.Address.class,
            description = "Use a target started with 'kvferry serve --bench'.")
    private @Nullable PeerAddress to;

    @Option(
            names = "--block-size",
            split = ",",
            defaultValue = "64KiB,1MiB,16MiB",
            paramLabel = "SIZE",
            converter = Converters.Size.class,
            description = "Block sizes. Default: ${DEFAULT-VALUE}.")
    private List<Long> blockSizes;

    @Option(
            names = "--batch",
            split = ",",
            defaultValue = "1",
            paramLabel = "N",
            description = "Blocks of one transfer. Default: ${DEFAULT-VALUE}.")
    private List<Integer> batches;

    @Option(
            names = "--threads",
            split = ",",
            defaultValue = "1",
            paramLabel = "N",
            description = "Threads that run transfers. Default: ${DEFAULT-VALUE}.")
    private List<Integer> threads;

    @Option(
            names = "--operation",
            split = ",",
            defaultValue = "read",
            paramLabel = "OP",
            description = "read, write or both. Default: ${DEFAULT-VALUE}.")
    private List<Operation> operations;

    @Option(
            names = "--memory",
            defaultValue = "256MiB",
            paramLabel = "SIZE",
            converter = Converters.Size.class,
            description =
                    "Memory that each side walks through, so that caches do not flatter. Default: ${DEFAULT-VALUE}.")
    private long memory;

    @Option(
            names = "--warm-up",
            defaultValue = "1s",
            paramLabel = "DURATION",
            converter = Converters.Time.class,
            description =
                    "Time before each measurement that does not count: half of it with blocks of at most 4 KiB, so"
                            + " that the JVM has compiled every step, half with the measured ones. Default: ${DEFAULT-VALUE}.")
    private Duration warmUp;

    @Option(
            names = "--duration",
            defaultValue = "2s",
            paramLabel = "DURATION",
            converter = Converters.Time.class,
            description = "Time of each measurement. Default: ${DEFAULT-VALUE}.")
    private Duration duration;

    @Option(
            names = "--checksum",
            defaultValue = "auto",
            paramLabel = "MODE",
            description = "auto, on or off. Default: ${DEFAULT-VALUE}.")
    private ChecksumMode checksum;

    @Option(
            names = "--pipeline",
            defaultValue = "1",
            paramLabel = "N",
            description = "Transfers that each thread keeps in flight. Default: ${DEFAULT-VALUE}.")
    private int pipeline;

    @Option(
            names = {"--standing", "--one-lease"},
            description = "One standing lease per thread for all its transfers, instead of a lease for each.")
    private boolean standing;

    @Option(
            names = "--turns",
            description =
                    "Measure once for each line that comes on standard input, until that ends, and print each result as"
                            + " a line of JSON: for turns with another program that leave the JVM warm. One combination only.")
    private boolean turns;

    @SuppressWarnings("NullAway.Init") // picocli fills the fields
    BenchCommand() {}

    @Override
    public Integer call() throws IOException {
        checkOptions();
        PeerAddress given = to;
        if (given != null) {
            run(given);
            return ExitCode.OK;
        }
        engineOptions.checkBetweenProcesses();
        List<String> arguments = new ArrayList<>(List.of("--bench", "--bench-memory", memory + "B"));
        arguments.addAll(engineOptions.arguments());
        try (ServerProcess target = ServerProcess.start(arguments)) {
            run(target.address());
        }
        return ExitCode.OK;
    }

    private void checkOptions() {
        if (local && to != null) {
            throw usage("--local and --to exclude each other");
        }
        checkRange("--batch", batches, BenchCase.MAX_BLOCKS);
        checkRange("--threads", threads, 1024);
        checkRange("--pipeline", List.of(pipeline), 1024);
        report.check();
        if (turns && (points().size() > 1 || report.isAsked())) {
            throw usage("--turns measures one combination and prints to standard output only");
        }
        for (BenchCase point : points()) {
            long needed = point.blockBytes() * point.batch() * point.threads() * pipeline;
            if (needed > memory) {
                throw usage(
                        "block " + point.blockBytes() + " x batch " + point.batch() + " x threads " + point.threads()
                                + " x pipeline " + pipeline + " needs " + needed + " bytes, --memory is " + memory);
            }
        }
    }

    private void checkRange(String option, List<Integer> values, int max) {
        for (int value : values) {
            if (value < 1 || value > max) {
                throw usage(option + " " + value + " is not from 1 to " + max);
            }
        }
    }

    private ParameterException usage(String message) {
        return new ParameterException(spec.commandLine(), message);
    }

    private List<BenchCase> points() {
        List<BenchCase> points = new ArrayList<>();
        for (Operation operation : operations) {
            for (int threadCount : threads) {
                for (int batch : batches) {
                    for (long blockSize : blockSizes) {
                        points.add(new BenchCase(operation, blockSize, batch, threadCount));
                    }
                }
            }
        }
        return points;
    }

    private void run(PeerAddress target) throws IOException {
        BenchSettings settings = new BenchSettings(memory, warmUp, duration, pipeline, standing, checksum);
        List<BenchResult> results = new ArrayList<>();
        PrintWriter err = spec.commandLine().getErr();
        try (TransferEngine engine = TransferEngine.open(engineOptions.config());
                Bench bench = Bench.open(engine, target, settings)) {
            if (turns) {
                takeTurns(bench.warmUp(points().getFirst()));
                return;
            }
            for (BenchCase point : points()) {
                BenchResult result = bench.run(point);
                results.add(result);
                err.println(word(point.operation()) + " " + Quantity.bytes(point.blockBytes()) + " x " + point.batch()
                        + ": " + String.format(Locale.ROOT, "%.2f GB/s", result.gigabytesPerSecond()));
                err.flush();
            }
        }
        spec.commandLine().getOut().print(table(results).text(true));
        spec.commandLine().getOut().flush();
        write(results, settings);
    }

    private void takeTurns(Bench.Warm point) throws IOException {
        PrintWriter out = spec.commandLine().getOut();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        while (in.readLine() != null) {
            out.println(BenchReport.jsonLine(point.measure().columns()));
            out.flush();
        }
    }

    private static Table table(List<BenchResult> results) {
        Table table = new Table(
                "op",
                "block",
                "batch",
                "threads",
                "transfers",
                "GB/s",
                "prepare p50/p99",
                "submit p50/p99",
                "transfer p50/p99",
                "finish p50/p99",
                "CPU s/GB",
                "target CPU s/GB");
        for (BenchResult result : results) {
            Map<String, String> columns = result.columns();
            BenchCase point = result.point();
            table.add(
                    word(point.operation()),
                    Quantity.bytes(point.blockBytes()),
                    String.valueOf(point.batch()),
                    String.valueOf(point.threads()),
                    String.valueOf(result.transfers()),
                    columns.getOrDefault("gb_per_s", ""),
                    micros(result.prepare()),
                    micros(result.submit()),
                    micros(result.transfer()),
                    micros(result.finish()),
                    columns.getOrDefault("cpu_s_per_gb", ""),
                    columns.getOrDefault("target_cpu_s_per_gb", ""));
        }
        return table;
    }

    private static String micros(BenchResult.Percentiles percentiles) {
        return String.format(Locale.ROOT, "%.0f/%.0f", percentiles.p50(), percentiles.p99());
    }

    private static String word(Operation operation) {
        return operation.name().toLowerCase(Locale.ROOT);
    }

    private void write(List<BenchResult> results, BenchSettings settings) throws IOException {
        String title =
                "kvferry bench, " + results.getFirst().backend() + ", memory " + Quantity.bytes(memory) + ", pipeline "
                        + settings.pipeline() + ", " + (settings.standing() ? "standing lease" : "lease per transfer");
        report.write(results.stream().map(BenchResult::columns).toList(), figure(results, title));
    }

    private static BenchPlot.Figure figure(List<BenchResult> results, String title) {
        Map<String, Map<Long, Double>> lines = new LinkedHashMap<>();
        for (BenchResult result : results) {
            BenchCase point = result.point();
            String name = word(point.operation()) + ", batch " + point.batch() + ", threads " + point.threads();
            lines.computeIfAbsent(name, _ -> new TreeMap<>()).put(point.blockBytes(), result.gigabytesPerSecond());
        }
        return new BenchPlot.Figure(title, "block size", Quantity::bytes, "GB/s", lines);
    }
}
