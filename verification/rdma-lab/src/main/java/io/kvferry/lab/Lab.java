package io.kvferry.lab;

import io.kvferry.conformance.ConformanceLauncher;
import io.kvferry.conformance.ConformanceLauncher.Outcome;
import io.kvferry.conformance.ConformanceLauncher.Result;
import io.kvferry.spi.Ticker;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Runs the adapters' own tests and the conformance suite over {@code verbs}, or the suite alone over the library that {@code
 * -Dkvferry.lab.provider} names, and prints a line for each rule. Ends with 0 only where every rule ran and held: here the
 * environment is promised, so a skip is a failure.
 */
public final class Lab {
    /** The topic of the adapter by itself; the others are the suite's. */
    private static final String ADAPTER = "Adapter";

    private static final String VERBS = "verbs";
    private static final String LIBRARY = System.getProperty("kvferry.lab.provider", VERBS);

    private static final double NANOS_A_SECOND = 1e9;

    private final PrintStream out;
    private final long start = Ticker.system().nanos();

    private Lab(PrintStream out) {
        this.out = out;
    }

    /**
     * Runs the suite.
     *
     * @param topics those to run; none for all
     */
    public static void main(String... topics) {
        Lab lab = new Lab(new PrintStream(System.out, true, StandardCharsets.UTF_8));
        System.exit(lab.run(List.of(topics)) ? 0 : 1);
    }

    private boolean run(List<String> topics) {
        List<Result> results = new ArrayList<>();
        if (topics.contains(ADAPTER) || (topics.isEmpty() && LIBRARY.equals(VERBS))) {
            results.addAll(AdapterRules.run(this::print));
        }
        List<String> ofTheSuite =
                topics.stream().filter(topic -> !topic.equals(ADAPTER)).toList();
        if (topics.isEmpty() || !ofTheSuite.isEmpty()) {
            results.addAll(ConformanceLauncher.run(new RdmaHarness(LIBRARY), ofTheSuite, this::print));
        }
        long passed = count(results, Outcome.PASSED);
        long refused = count(results, Outcome.REFUSED);
        out.printf(
                "%s: %d rules, %d passed, %d not declared and refused, %d failed, %d skipped, %.0f s%n",
                LIBRARY,
                results.size(),
                passed,
                refused,
                count(results, Outcome.FAILED),
                count(results, Outcome.SKIPPED),
                seconds());
        return passed + refused == results.size() && !results.isEmpty();
    }

    private void print(Result result) {
        out.printf(
                "%-7s %6.1f s  %s.%s%s%n",
                result.outcome(),
                seconds(),
                result.suite().replace("ConformanceTest", ""),
                result.test(),
                result.reason().isEmpty() ? "" : "\n        " + result.reason().replace("\n", "\n        "));
    }

    private double seconds() {
        return (Ticker.system().nanos() - start) / NANOS_A_SECOND;
    }

    private static long count(List<Result> results, Outcome outcome) {
        return results.stream().filter(result -> result.outcome() == outcome).count();
    }
}
