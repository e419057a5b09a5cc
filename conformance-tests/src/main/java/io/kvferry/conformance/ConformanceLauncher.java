package io.kvferry.conformance;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.junit.platform.engine.DiscoverySelector;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.engine.reporting.ReportEntry;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherConfig;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/**
 * Runs the suites without a build tool, for a harness that is known at run time only.
 *
 * <p><b>Threads:</b> Thread-safe; runs one after the other, since their leak checks look at the whole process.
 *
 * @since 0.1.0
 */
public final class ConformanceLauncher {
    private static final String PROCESS = "Process";
    private static final String SOCKET = "Socket";
    private static final String MODEL = "Model";
    /** The topics that are no part of {@link BackendConformance}. */
    private static final Set<String> APART = Set.of(PROCESS, SOCKET, MODEL);

    private ConformanceLauncher() {}

    /** How a test ended. */
    public enum Outcome {
        /** It holds. */
        PASSED,
        /** What it is about is not declared, and was refused as it must be. */
        REFUSED,
        /** It does not. */
        FAILED,
        /** The environment lacks what the backend needs. */
        SKIPPED
    }

    /**
     * One test's result.
     *
     * @param suite the topic, such as {@code Lease}
     * @param test the method's name, which states the rule
     * @param outcome how it ended
     * @param reason why it failed or was skipped; empty otherwise
     */
    public record Result(String suite, String test, Outcome outcome, String reason) {}

    /**
     * Returns what random numbers come from in this process; {@code -Dkvferry.conformance.seed} sets it, and so replays a run.
     *
     * @return the seed
     */
    public static long seed() {
        return Seed.base();
    }

    /**
     * Runs all suites for a backend on the class path.
     *
     * @param name the value of {@code kvferry.backend}
     * @param each hears each result as it comes
     * @return all results, in the order in which they came
     * @throws IllegalArgumentException if there is no such backend
     */
    public static List<Result> run(String name, Consumer<Result> each) {
        return run(BackendHarness.named(name), List.of(), each);
    }

    /**
     * Runs suites for a harness.
     *
     * @param harness what is tested
     * @param suites topics, such as {@code Lease}; none for all
     * @param each hears each result as it comes
     * @return all results, in the order in which they came
     */
    public static synchronized List<Result> run(BackendHarness harness, List<String> suites, Consumer<Result> each) {
        LaunchedConformance.use(harness);
        try {
            Results results = new Results(each);
            LauncherDiscoveryRequest request = LauncherDiscoveryRequestBuilder.request()
                    .selectors(selectors(harness, suites))
                    .configurationParameter(ConformanceReport.FOLDER, System.getProperty(ConformanceReport.FOLDER, ""))
                    .build();
            // only JUnit's own engine, whatever else an application has on its class path
            LauncherConfig config = LauncherConfig.builder()
                    .enableTestExecutionListenerAutoRegistration(false)
                    .enableLauncherSessionListenerAutoRegistration(false)
                    .build();
            LauncherFactory.create(config).execute(request, results);
            return List.copyOf(results.all);
        } finally {
            LaunchedConformance.use(null);
        }
    }

    private static List<DiscoverySelector> selectors(BackendHarness harness, List<String> suites) {
        List<DiscoverySelector> selectors = new ArrayList<>();
        if (suites.isEmpty()) {
            selectors.add(DiscoverySelectors.selectClass(LaunchedConformance.class));
        }
        for (String suite : suites) {
            if (!APART.contains(suite)) {
                selectors.add(DiscoverySelectors.selectNestedClass(
                        List.of(LaunchedConformance.class.getName()),
                        BackendConformance.class.getName() + "$" + suite));
            }
        }
        if (suites.contains(PROCESS) || (suites.isEmpty() && harness.crossesProcesses())) {
            selectors.add(DiscoverySelectors.selectClass(LaunchedProcessConformance.class));
        }
        if (suites.contains(SOCKET) || (suites.isEmpty() && harness.sockets().isPresent())) {
            selectors.add(DiscoverySelectors.selectClass(LaunchedSocketConformance.class));
        }
        if (suites.contains(MODEL)) {
            selectors.add(DiscoverySelectors.selectClass(LaunchedModelConformance.class));
        }
        return selectors;
    }

    private static final class Results implements TestExecutionListener {
        private final List<Result> all = new CopyOnWriteArrayList<>();
        private final Consumer<Result> each;
        private final Set<TestIdentifier> refused = ConcurrentHashMap.newKeySet();

        Results(Consumer<Result> each) {
            this.each = each;
        }

        @Override
        public void reportingEntryPublished(TestIdentifier identifier, ReportEntry entry) {
            if (entry.getKeyValuePairs().containsKey(ConformanceSuite.REFUSED)) {
                refused.add(identifier);
            }
        }

        @Override
        public void executionFinished(TestIdentifier identifier, TestExecutionResult result) {
            switch (result.getStatus()) {
                case SUCCESSFUL -> {
                    if (identifier.isTest()) {
                        add(identifier, refused.remove(identifier) ? Outcome.REFUSED : Outcome.PASSED, "");
                    }
                }
                case ABORTED -> add(identifier, Outcome.SKIPPED, reason(result));
                case FAILED -> add(identifier, Outcome.FAILED, reason(result));
            }
        }

        @Override
        public void executionSkipped(TestIdentifier identifier, String reason) {
            add(identifier, Outcome.FAILED, "disabled: " + reason);
        }

        private void add(TestIdentifier identifier, Outcome outcome, String reason) {
            Result result = new Result(suite(identifier), name(identifier), outcome, reason);
            all.add(result);
            each.accept(result);
        }

        private static String suite(TestIdentifier identifier) {
            return identifier
                    .getSource()
                    .filter(MethodSource.class::isInstance)
                    .map(MethodSource.class::cast)
                    .map(source -> source.getClassName().replaceAll(".*[.$]", ""))
                    .orElse("");
        }

        private static String name(TestIdentifier identifier) {
            return identifier.getDisplayName().replace("()", "");
        }

        private static String reason(TestExecutionResult result) {
            return result.getThrowable().map(Results::describe).orElse("");
        }

        private static String describe(Throwable thrown) {
            String message = thrown.getMessage();
            return message == null ? thrown.toString() : message.strip();
        }
    }
}
