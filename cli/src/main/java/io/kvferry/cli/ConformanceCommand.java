package io.kvferry.cli;

import io.kvferry.cli.conformance.ConformanceHtml;
import io.kvferry.conformance.BackendHarness;
import io.kvferry.conformance.ConformanceLauncher;
import io.kvferry.conformance.ConformanceLauncher.Outcome;
import io.kvferry.conformance.ConformanceLauncher.Result;
import io.kvferry.engine.KvFerryConfig;
import io.kvferry.spi.Availability;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendInfo;
import io.kvferry.spi.Capability;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

@Command(
        name = "conformance",
        description = {
            "Runs the conformance suite for a backend on the class path and prints a line for each topic.",
            "Exit code 1: a rule is broken; 4: the environment lacks what the backend needs, and nothing was tested.",
            "A backend of somebody else is found where its jar is in the folder plugins/ or named in KVFERRY_CLASSPATH."
        },
        mixinStandardHelpOptions = true,
        footerHeading = "%nExample:%n",
        footer = "  kvferry conformance --backend inprocess --report report.html",
        subcommands = ConformancePageCommand.class)
final class ConformanceCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Option(names = "--backend", paramLabel = "NAME", description = "The backend; see 'kvferry backends'.")
    private @Nullable String backend;

    @Option(
            names = "--topic",
            paramLabel = "TOPIC",
            description = "Only this topic, named as in the table that is printed; may be repeated. Default: all but"
                    + " Process, which needs a backend that crosses processes.")
    private List<String> topics = List.of();

    @Option(
            names = "--report",
            paramLabel = "FILE.html",
            description = "Also write a page with every rule, its result, and message and seed of what failed.")
    private @Nullable Path report;

    @Option(names = "--seed", paramLabel = "NUMBER", description = "Random numbers of an earlier run, to replay it.")
    private @Nullable Long seed;

    @Option(names = "--strict", description = "What the environment lacks is a failure, too: it is promised here.")
    private boolean strict;

    @SuppressWarnings("NullAway.Init") // picocli fills the fields
    ConformanceCommand() {}

    @Override
    public Integer call() throws IOException {
        String name = backend;
        if (name == null) {
            throw new ParameterException(spec.commandLine(), "name a backend with --backend, or the command page");
        }
        PrintWriter err = spec.commandLine().getErr();
        BackendHarness harness = harness(name);
        if (strict) {
            System.setProperty("kvferry.conformance.strict", "true");
        }
        Long chosen = seed;
        if (chosen != null) {
            System.setProperty("kvferry.conformance.seed", chosen.toString());
        }
        List<Result> results = ConformanceLauncher.run(harness, topics, result -> report(result, err));
        Path file = report;
        if (file != null) {
            Files.writeString(file, ConformanceHtml.page(name, facts(harness), results));
        }
        return summary(name, results);
    }

    private static BackendHarness harness(String name) {
        try {
            return BackendHarness.named(name);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    e.getMessage() + ", or put its jar into plugins/ or KVFERRY_CLASSPATH", e);
        }
    }

    /** What the run was made with. */
    private static Map<String, String> facts(BackendHarness harness) throws IOException {
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("KVFerry", Main.Version.number());
        facts.put("Java", System.getProperty("java.vm.name") + " " + Runtime.version());
        facts.put(
                "Machine",
                System.getProperty("os.name") + " " + System.getProperty("os.version") + " on "
                        + System.getProperty("os.arch"));
        facts.put(
                "Seed",
                ConformanceLauncher.seed() + ", to run it again with the same random numbers: --seed "
                        + ConformanceLauncher.seed());
        if (harness.provider().probe(BackendConfig.DEFAULTS) instanceof Availability.Available) {
            BackendInfo info = BackendsCommand.info(KvFerryConfig.builder(), harness.name());
            if (info != null) {
                tell(info, facts);
            }
        }
        return facts;
    }

    private static void tell(BackendInfo info, Map<String, String> facts) {
        facts.put("What it is", info.description());
        for (Capability capability : Capability.values()) {
            facts.put("Can " + capability, info.can(capability) ? "yes" : "no");
        }
    }

    private int summary(String name, List<Result> results) {
        PrintWriter out = spec.commandLine().getOut();
        Map<String, int[]> counts = new TreeMap<>();
        for (Result result : results) {
            counts.computeIfAbsent(result.suite(), _ -> new int[Outcome.values().length])[index(result.outcome())]++;
        }
        Table table = new Table("TOPIC", "PASSED", "REFUSED", "FAILED", "SKIPPED");
        counts.forEach((suite, count) -> table.add(
                suite,
                count(count, Outcome.PASSED),
                count(count, Outcome.REFUSED),
                count(count, Outcome.FAILED),
                count(count, Outcome.SKIPPED)));
        out.print(table.text(true));
        long failed = count(results, Outcome.FAILED);
        long skipped = count(results, Outcome.SKIPPED);
        out.println();
        out.println(name + ": " + results.size() + " tests, " + failed + " failed, " + skipped + " skipped");
        out.flush();
        if (failed > 0 || results.isEmpty()) {
            return ExitCode.FAILED;
        }
        return skipped == results.size() ? ExitCode.UNAVAILABLE : ExitCode.OK;
    }

    private static void report(Result result, PrintWriter err) {
        if (result.outcome() == Outcome.FAILED || result.outcome() == Outcome.SKIPPED) {
            String reason = result.reason().lines().findFirst().orElse("");
            err.println(result.outcome() + " " + result.suite() + "." + result.test() + ": " + reason);
            err.flush();
        }
    }

    private static long count(List<Result> results, Outcome outcome) {
        return results.stream().filter(result -> result.outcome() == outcome).count();
    }

    private static String count(int[] counts, Outcome outcome) {
        return String.valueOf(counts[index(outcome)]);
    }

    private static int index(Outcome outcome) {
        return switch (outcome) {
            case PASSED -> 0;
            case REFUSED -> 1;
            case FAILED -> 2;
            case SKIPPED -> 3;
        };
    }
}
