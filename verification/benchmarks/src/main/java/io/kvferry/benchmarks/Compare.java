package io.kvferry.benchmarks;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * Runs KVFerry beside iperf3, a plain C program and a memory copy, in turns on one machine, and says which targets are met.
 *
 * <p>Threads: one.
 */
@Command(
        name = "compare",
        sortOptions = false,
        mixinStandardHelpOptions = true,
        description = {
            "Runs KVFerry beside its peers in turns, over loopback, and says which targets are met.",
            "A pair in which a sender needs more than 0.3 CPU s/GB ran in a slow phase of the machine: it is shown, kept in"
                    + " the raw data and run again.",
            "A target is met when both the ratio of the medians and the median of the pairs' ratios meet it.",
            "Exit code: 0 all met, 1 not all met or unsettled, 2 wrong use, 3 a program is missing or failed."
        },
        footer = {"", "Example:", "  verification/benchmarks/compare --rows write-1m,latency --congestion cubic"})
public final class Compare implements Callable<Integer> {
    private static final int MET = 0;
    private static final int NOT_MET = 1;
    private static final int FAILED = 3;
    private static final String COPY_SECONDS = "0.5";
    private static final Path TCP = Path.of("/proc/sys/net/ipv4");

    /** The Debian package of each command that is needed. */
    private static final Map<String, String> PACKAGES = Map.of("iperf3", "iperf3", "gcc", "gcc", "ss", "iproute2");

    @Spec
    private CommandSpec spec;

    @Option(names = "--home", required = true, hidden = true, description = "The checkout; the launcher sets it.")
    private Path home;

    @Option(
            names = "--rows",
            split = ",",
            paramLabel = "ROW",
            description = "Rows to run. Default: all; --list shows them.")
    private List<String> names = new ArrayList<>();

    @Option(names = "--list", description = "Show the rows and their targets, and run nothing.")
    private boolean list;

    @Option(
            names = "--pairs",
            defaultValue = "7",
            paramLabel = "N",
            description = "Pairs of each row. Default: ${DEFAULT-VALUE}.")
    private int pairs;

    @Option(
            names = "--max-slow",
            defaultValue = "14",
            paramLabel = "N",
            description = "Slow pairs of a row to run again before it stays unsettled. Default: ${DEFAULT-VALUE}.")
    private int maxSlow;

    @Option(
            names = "--seconds",
            defaultValue = "2",
            paramLabel = "N",
            description = "Seconds of each measurement, after its warm-up. Default: ${DEFAULT-VALUE}.")
    private int seconds;

    @Option(
            names = "--warm-up",
            defaultValue = "45",
            paramLabel = "N",
            description =
                    "Seconds that ours runs before a row's first measurement; with fewer the JVM still compiles while"
                            + " it is measured. Default: ${DEFAULT-VALUE}.")
    private int warmUpSeconds;

    @Option(
            names = "--congestion",
            paramLabel = "NAME",
            description = "Congestion control of every socket, such as cubic or bbr. Default: the kernel's.")
    private @Nullable String congestion;

    @Option(
            names = "--soak-gib",
            defaultValue = "100",
            paramLabel = "N",
            description = "GiB that the row 'memory' moves. Default: ${DEFAULT-VALUE}.")
    private long soakGibibytes;

    @Option(names = "--json", paramLabel = "FILE", description = "Write every figure of every run.")
    private @Nullable Path json;

    @SuppressWarnings("NullAway.Init") // picocli fills the fields
    private Compare() {}

    /**
     * Runs the command.
     *
     * @param arguments see {@code --help}
     */
    public static void main(String[] arguments) {
        CommandLine command = new CommandLine(new Compare());
        command.setExecutionExceptionHandler((failure, line, _) -> {
            line.getErr().println("compare: " + failure.getMessage());
            return FAILED;
        });
        command.setParameterExceptionHandler((mistake, _) -> {
            command.getErr().println("compare: " + mistake.getMessage() + "; --help shows the options");
            return CommandLine.ExitCode.USAGE;
        });
        // an interrupted run leaves none of its programs behind
        Runtime.getRuntime()
                .addShutdownHook(Thread.ofPlatform()
                        .unstarted(() -> ProcessHandle.current().descendants().forEach(ProcessHandle::destroy)));
        System.exit(command.execute(arguments));
    }

    @Override
    public Integer call() throws IOException {
        checkPositive("--pairs", pairs);
        checkPositive("--seconds", seconds);
        checkPositive("--warm-up", warmUpSeconds);
        checkPositive("--soak-gib", soakGibibytes);
        Set<String> algorithms = Set.of(words("tcp_available_congestion_control"));
        String chosen = chosenCongestion(algorithms);
        Path target = home.resolve("verification/benchmarks/target");
        Path folder = Files.createTempDirectory(target, "compare");
        try {
            Setup setup = new Setup(
                    folder,
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    home.resolve("cli/target/kvferry.jar"),
                    target.resolve("benchmarks.jar"),
                    target.resolve("peer"),
                    chosen,
                    Duration.ofSeconds(warmUpSeconds),
                    Duration.ofSeconds(seconds),
                    new Sockets(folder, algorithms));
            List<Row> rows = selected(Rows.all(setup, soakGibibytes));
            return list ? show(rows) : run(setup, rows);
        } finally {
            delete(folder);
        }
    }

    private void checkPositive(String option, long value) {
        if (value < 1 || value > 1000) {
            throw new ParameterException(spec.commandLine(), option + " " + value + " is not from 1 to 1000");
        }
    }

    private String chosenCongestion(Set<String> algorithms) throws IOException {
        String given = congestion;
        String chosen = given == null ? words("tcp_congestion_control")[0] : given;
        if (!algorithms.contains(chosen)) {
            throw new ParameterException(
                    spec.commandLine(), "--congestion " + chosen + " is not loaded; this kernel has " + algorithms);
        }
        return chosen;
    }

    private static String[] words(String file) throws IOException {
        return Files.readString(TCP.resolve(file)).strip().split("\\s+");
    }

    private List<Row> selected(List<Row> all) {
        List<String> known = all.stream().map(Row::name).toList();
        for (String name : names) {
            if (!known.contains(name)) {
                throw new ParameterException(spec.commandLine(), "--rows " + name + " is unknown; there are " + known);
            }
        }
        return all.stream()
                .filter(row -> names.isEmpty() || names.contains(row.name()))
                .toList();
    }

    private int show(List<Row> rows) {
        for (Row row : rows) {
            for (Check check : row.checks()) {
                System.out.println(row.name() + ": " + row.what() + ", " + check.figure() + " " + check.target()
                        + (check.againstPeer() ? " " + row.peerName() : ""));
            }
        }
        return MET;
    }

    private int run(Setup setup, List<Row> rows) throws IOException {
        checkCommands();
        PeerProgram.compile(home.resolve("verification/benchmarks/src/main/c/peer.c"), setup.folder(), setup.peer());
        Map<String, String> environment = environment(setup);
        PrintStream out = System.out;
        environment.forEach((name, value) -> out.println(name + ": " + value));
        Measurement copy = new PeerProgram(setup.folder(), List.of(setup.peer().toString(), "copy", COPY_SECONDS));
        Turns turns = new Turns(pairs, maxSlow, copy, out);
        List<RowResult> results = new ArrayList<>();
        List<String> failures = new ArrayList<>();
        for (Row row : rows) {
            out.println(row.what() + (row.peer() == null ? "" : ", against " + row.peerName()));
            try {
                results.add(turns.run(row));
            } catch (IOException e) {
                // the other rows are still worth measuring
                failures.add(row.name() + " failed: " + e.getMessage());
            }
        }
        out.print("\n" + Report.table(results));
        failures.forEach(out::println);
        Path file = json;
        if (file != null) {
            Files.writeString(file, Report.json(environment, results));
        }
        if (!failures.isEmpty()) {
            return FAILED;
        }
        boolean met = results.stream()
                .allMatch(result -> result.row().checks().stream()
                        .allMatch(check -> result.verdict(check) == RowResult.Verdict.MET));
        return met ? MET : NOT_MET;
    }

    private static void checkCommands() throws IOException {
        String[] path = System.getenv().getOrDefault("PATH", "").split(":", -1);
        for (Map.Entry<String, String> needed : PACKAGES.entrySet()) {
            boolean found =
                    Arrays.stream(path).anyMatch(folder -> Files.isExecutable(Path.of(folder, needed.getKey())));
            if (!found) {
                throw new IOException(needed.getKey() + " is missing: install it, on Debian with apt-get install "
                        + needed.getValue());
            }
        }
    }

    private static Map<String, String> environment(Setup setup) throws IOException {
        Map<String, String> environment = new LinkedHashMap<>();
        environment.put(
                "kernel",
                Files.readString(Path.of("/proc/sys/kernel/osrelease")).strip());
        environment.put("processors", String.valueOf(Runtime.getRuntime().availableProcessors()));
        environment.put(
                "load before", Files.readString(Path.of("/proc/loadavg")).strip());
        environment.put("java", System.getProperty("java.vm.version"));
        environment.put("congestion control", setup.congestion());
        environment.put("seconds each", String.valueOf(setup.seconds().toSeconds()));
        return environment;
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                Files.deleteIfExists(file);
            }
        }
        Files.deleteIfExists(folder);
    }
}
