package io.kvferry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.conformance.SimpleBackend.Flaw;
import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.engine.discovery.NestedMethodSelector;
import org.junit.platform.testkit.engine.EngineTestKit;
import org.junit.platform.testkit.engine.Event;

/** The kit finds each flaw by the rules it breaks, and by no other of those tried beside them. */
class BrokenBackendTest {
    private static final Path PAGE = Path.of("..", "docs", "contract.md");
    private static final Pattern RULE = Pattern.compile("R\\d+\\.\\d+");
    /** What must fail need not be waited for as long as what must pass. */
    private static final Duration SHORT = Duration.ofMillis(400);

    /** Rules of several topics, tried with each flaw of {@link SimpleBackend}. */
    private static final List<String> SAMPLE =
            List.of("R19.1", "R16.3", "R16.1", "R6.5", "R6.6", "R18.5", "R18.9", "R10.3", "R10.5", "R1.3", "R20.8");
    /** The quick ones among them, tried with every other flaw that is not in the way of all. */
    private static final List<String> QUICK = List.of("R19.1", "R6.5", "R18.5", "R10.3", "R1.3");

    private static final Set<String> FLAWS =
            Arrays.stream(Flaw.values()).map(Flaw::name).collect(Collectors.toSet());

    /** The test of each rule, as its topic and method. */
    private static final Map<String, NestedMethodSelector> TESTS = tests();

    static List<Breakage> breakages() {
        List<Breakage> all = new ArrayList<>();
        all.addAll(List.of(
                flaw(Flaw.WRITES_AFTER_FINISH, "R6.6", "R18.5"),
                flaw(Flaw.WRITES_AFTER_REVOKE, "R18.5"),
                flaw(Flaw.REPORTS_TOO_EARLY, "R16.3"),
                flaw(Flaw.WRITES_TOO_MUCH, "R16.1"),
                flaw(Flaw.TAKES_ANY_KEY, "R18.9"),
                flaw(Flaw.NEVER_QUIESCENT, "R6.5", "R6.6", "R20.7"),
                flaw(Flaw.LEAKS_A_THREAD, "R20.8"),
                flaw(Flaw.DECLARES_TOO_MUCH, "R16.3"),
                flaw(Flaw.REPORTS_TWICE, "R16.1"),
                flaw(Flaw.THROWS_ITS_OWN, "R16.3")));
        all.addAll(BrokenBackends.all());
        all.addAll(BrokenTransfers.all());
        all.addAll(BrokenEngines.all());
        return all;
    }

    private static Breakage flaw(Flaw flaw, String... rules) {
        return Breakage.of(flaw.name(), BackendHarness.of(SimpleBackend.provider(flaw)), rules);
    }

    @Test
    void backendThatKeepsTheContractPassesEveryRuleThatAFlawBreaks() {
        Set<String> rules = new TreeSet<>(SAMPLE);
        breakages().forEach(breakage -> rules.addAll(breakage.rules()));
        assertThat(failures(BackendHarness.of(SimpleBackend.provider(null)), rules))
                .isEmpty();
    }

    @ParameterizedTest
    @MethodSource("breakages")
    void eachFlawIsFoundByTheRulesItBreaks(Breakage breakage) {
        Map<String, Throwable> failures;
        Await.patience(SHORT);
        try {
            failures = failures(breakage.harness(), breakage.rules());
        } finally {
            Await.patience(null);
        }
        assertThat(failures.keySet()).as(failures.toString()).containsExactlyInAnyOrderElementsOf(breakage.rules());
        failures.forEach((rule, thrown) -> {
            assertThat(thrown).as(rule).isNotInstanceOf(NullPointerException.class);
            assertThat(thrown.getMessage()).as(rule).isNotBlank();
        });
    }

    static List<Breakage> narrowBreakages() {
        return breakages().stream().filter(Breakage::narrow).toList();
    }

    @ParameterizedTest
    @MethodSource("narrowBreakages")
    void noOtherRuleFailsBesideThem(Breakage breakage) {
        List<String> sample = FLAWS.contains(breakage.name()) ? SAMPLE : QUICK;
        List<String> others =
                sample.stream().filter(rule -> !breakage.rules().contains(rule)).toList();
        assertThat(failures(breakage.harness(), others)).isEmpty();
    }

    /** The page lists the rules that no flaw breaks, with the reason; no more of them and no fewer. */
    @Test
    void rulesThatNoFlawBreaksAreThoseOfThePage() throws IOException {
        Set<String> unbroken = new TreeSet<>(TESTS.keySet());
        breakages().forEach(breakage -> unbroken.removeAll(breakage.rules()));
        String page = Files.readString(PAGE);
        String section = page.substring(page.indexOf("## Rules that no flaw breaks"));
        Set<String> listed = RULE.matcher(section.substring(0, section.indexOf("\n## ", 1)))
                .results()
                .map(MatchResult::group)
                .collect(Collectors.toCollection(TreeSet::new));
        listed.retainAll(TESTS.keySet());
        assertThat(listed).isEqualTo(unbroken);
    }

    private static Map<String, NestedMethodSelector> tests() {
        Map<String, NestedMethodSelector> tests = new TreeMap<>();
        for (Class<?> topic : BackendConformance.class.getDeclaredClasses()) {
            for (Method method : topic.getSuperclass().getDeclaredMethods()) {
                if (method.isAnnotationPresent(Test.class)) {
                    tests.put(
                            rule(method.getName()),
                            DiscoverySelectors.selectNestedMethod(
                                    List.of(LaunchedConformance.class.getName()), topic.getName(), method.getName()));
                }
            }
        }
        return tests;
    }

    /** The number in a test's name. */
    private static String rule(String test) {
        return test.replaceAll("[a-z]+_(R\\d+)_(\\d+)_.*", "$1.$2");
    }

    private static Map<String, Throwable> failures(BackendHarness harness, Collection<String> rules) {
        LaunchedConformance.use(harness);
        try {
            return EngineTestKit.engine("junit-jupiter")
                    .enableImplicitConfigurationParameters(
                            true) // where the build wants reports of what is broken on purpose
                    .selectors(rules.stream().map(TESTS::get).toArray(NestedMethodSelector[]::new))
                    .execute()
                    .testEvents()
                    .failed()
                    .stream()
                    .collect(Collectors.toMap(BrokenBackendTest::ruleOf, BrokenBackendTest::thrown));
        } finally {
            LaunchedConformance.use(null);
        }
    }

    private static String ruleOf(Event event) {
        return rule(event.getTestDescriptor().getDisplayName().replace("()", ""));
    }

    private static Throwable thrown(Event event) {
        return event.getRequiredPayload(TestExecutionResult.class)
                .getThrowable()
                .orElseThrow();
    }
}
