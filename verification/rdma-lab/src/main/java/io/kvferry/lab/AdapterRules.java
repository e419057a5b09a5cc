package io.kvferry.lab;

import io.kvferry.conformance.ConformanceLauncher.Outcome;
import io.kvferry.conformance.ConformanceLauncher.Result;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/** Runs the tests of adapters by themselves without a build tool, with results like those of the suite. */
final class AdapterRules implements TestExecutionListener {
    private static final String SUITE = "Adapter";

    private final List<Result> results = new ArrayList<>();
    private final Consumer<Result> each;

    private AdapterRules(Consumer<Result> each) {
        this.each = each;
    }

    static List<Result> run(Consumer<Result> each) {
        AdapterRules rules = new AdapterRules(each);
        LauncherFactory.create()
                .execute(
                        LauncherDiscoveryRequestBuilder.request()
                                .selectors(
                                        DiscoverySelectors.selectClass(VerbsAdapterTest.class),
                                        DiscoverySelectors.selectClass(VerbsIsolationTest.class),
                                        DiscoverySelectors.selectClass(TwoProcessTest.class))
                                .build(),
                        rules);
        return rules.results;
    }

    @Override
    public void executionFinished(TestIdentifier test, TestExecutionResult result) {
        Outcome outcome = switch (result.getStatus()) {
            case SUCCESSFUL -> Outcome.PASSED;
            case ABORTED -> Outcome.SKIPPED;
            case FAILED -> Outcome.FAILED;
        };
        if (test.isTest() || outcome != Outcome.PASSED) {
            Result row = new Result(
                    SUITE,
                    test.getDisplayName().replace("()", ""),
                    outcome,
                    result.getThrowable().map(Throwable::toString).orElse(""));
            results.add(row);
            each.accept(row);
        }
    }

    @Override
    public void executionSkipped(TestIdentifier test, String reason) {
        Result row = new Result(SUITE, test.getDisplayName(), Outcome.SKIPPED, reason);
        results.add(row);
        each.accept(row);
    }
}
