package io.kvferry.cli;

import io.kvferry.conformance.BackendHarness;
import io.kvferry.conformance.ConformanceLauncher;
import io.kvferry.conformance.ConformanceLauncher.Outcome;
import io.kvferry.conformance.ConformanceLauncher.Result;
import java.io.PrintWriter;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
        name = "conformance",
        description = {
            "Runs the conformance suite for a backend on the class path and prints a line for each topic.",
            "Exit code 1: a rule is broken. What the environment lacks is skipped and said."
        },
        mixinStandardHelpOptions = true,
        footerHeading = "%nExample:%n",
        footer = "  kvferry conformance --backend inprocess")
final class ConformanceCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Option(
            names = "--backend",
            required = true,
            paramLabel = "NAME",
            description = "The backend; see 'kvferry backends'.")
    private String backend;

    @Option(
            names = "--topic",
            paramLabel = "TOPIC",
            description = "Only this topic, named as in the table that is printed; may be repeated. Default: all.")
    private List<String> topics = List.of();

    @SuppressWarnings("NullAway.Init") // picocli fills the fields
    ConformanceCommand() {}

    @Override
    public Integer call() {
        PrintWriter out = spec.commandLine().getOut();
        PrintWriter err = spec.commandLine().getErr();
        List<Result> results =
                ConformanceLauncher.run(BackendHarness.named(backend), topics, result -> report(result, err));
        Map<String, int[]> counts = new TreeMap<>();
        for (Result result : results) {
            counts.computeIfAbsent(result.suite(), _ -> new int[Outcome.values().length])[index(result.outcome())]++;
        }
        Table table = new Table("TOPIC", "PASSED", "FAILED", "SKIPPED");
        counts.forEach((suite, count) -> table.add(
                suite, count(count, Outcome.PASSED), count(count, Outcome.FAILED), count(count, Outcome.SKIPPED)));
        out.print(table.text(true));
        long failed =
                results.stream().filter(r -> r.outcome() == Outcome.FAILED).count();
        out.println();
        out.println(backend + ": " + results.size() + " tests, " + failed + " failed");
        out.flush();
        return failed == 0 && !results.isEmpty() ? ExitCode.OK : ExitCode.FAILED;
    }

    private static void report(Result result, PrintWriter err) {
        if (result.outcome() != Outcome.PASSED) {
            String reason = result.reason().lines().findFirst().orElse("");
            err.println(result.outcome() + " " + result.suite() + "." + result.test() + ": " + reason);
            err.flush();
        }
    }

    private static String count(int[] counts, Outcome outcome) {
        return String.valueOf(counts[index(outcome)]);
    }

    private static int index(Outcome outcome) {
        return switch (outcome) {
            case PASSED -> 0;
            case FAILED -> 1;
            case SKIPPED -> 2;
        };
    }
}
