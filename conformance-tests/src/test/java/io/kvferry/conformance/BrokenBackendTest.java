package io.kvferry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.conformance.SimpleBackend.Flaw;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.engine.discovery.NestedMethodSelector;
import org.junit.platform.testkit.engine.EngineTestKit;
import org.junit.platform.testkit.engine.Event;

/** The kit finds each flaw by the rule it breaks, and by no other of those tried beside it. */
class BrokenBackendTest {
    /** Rules of several topics, tried with every flaw. */
    private static final List<String> SAMPLE = List.of(
            "LifeCycle required_R19_1_statesAdvanceInOrder",
            "Data required_R16_3_tenThousandBlocksArrive",
            "Data required_R16_1_oneBlockOfAnySizeArrives",
            "Cancel required_R6_5_cancelBeforeSubmitWritesNothing",
            "Cancel required_R6_6_submitAfterFinishStartsNothing",
            "Cancel required_R18_5_revokedLeaseIsOutOfReach",
            "Lease stochastic_R18_9_damagedDescriptorOpensNothing",
            "Capability capability_R10_3_readWorksOrIsUnsupported",
            "Capability capability_R10_5_hostMemoryWorksOrIsUnsupported",
            "Deadline required_R1_3_passedDeadlineStartsNothing",
            "Leak required_R20_8_closedEnginesLeaveNoThreadDescriptorOrMemory");

    private static final Map<Flaw, Set<String>> BROKEN_RULES = new EnumMap<>(Map.of(
            Flaw.WRITES_AFTER_FINISH, Set.of("R6.6", "R18.5"),
            Flaw.WRITES_AFTER_REVOKE, Set.of("R18.5"),
            Flaw.REPORTS_TOO_EARLY, Set.of("R16.3"),
            Flaw.WRITES_TOO_MUCH, Set.of("R16.1"),
            Flaw.TAKES_ANY_KEY, Set.of("R18.9"),
            Flaw.NEVER_QUIESCENT, Set.of("R6.5", "R6.6"),
            Flaw.LEAKS_A_THREAD, Set.of("R20.8"),
            Flaw.DECLARES_TOO_MUCH, Set.of("R16.3"),
            Flaw.REPORTS_TWICE, Set.of("R16.1"),
            Flaw.THROWS_ITS_OWN, Set.of("R16.3")));

    @Test
    void backendThatKeepsTheContractPassesTheSample() {
        assertThat(failuresOf(null)).isEmpty();
    }

    @ParameterizedTest
    @EnumSource(Flaw.class)
    void eachFlawIsFoundByTheRulesItBreaksAndByNoOther(Flaw flaw) {
        Map<String, Throwable> failures = failuresOf(flaw);
        assertThat(failures.keySet().stream().map(BrokenBackendTest::rule))
                .as(failures.toString())
                .containsExactlyInAnyOrderElementsOf(BROKEN_RULES.get(flaw));
        failures.forEach((test, thrown) -> {
            assertThat(thrown).as(test).isNotInstanceOf(NullPointerException.class);
            assertThat(thrown.getMessage()).as(test).isNotBlank();
        });
    }

    /** The number in a test's name. */
    private static String rule(String test) {
        return test.replaceAll("[a-z]+_(R\\d+)_(\\d+)_.*", "$1.$2");
    }

    private static Map<String, Throwable> failuresOf(@Nullable Flaw flaw) {
        LaunchedConformance.use(BackendHarness.of(SimpleBackend.provider(flaw)));
        Map<String, Throwable> failures = new ConcurrentHashMap<>();
        EngineTestKit.engine("junit-jupiter")
                .selectors(SAMPLE.stream().map(BrokenBackendTest::selector).toArray(NestedMethodSelector[]::new))
                .execute()
                .testEvents()
                .failed()
                .stream()
                .forEach(event -> failures.put(name(event), thrown(event)));
        LaunchedConformance.use(null);
        return new TreeMap<>(failures);
    }

    private static NestedMethodSelector selector(String test) {
        int space = test.indexOf(' ');
        return DiscoverySelectors.selectNestedMethod(
                List.of(LaunchedConformance.class.getName()),
                BackendConformance.class.getName() + "$" + test.substring(0, space),
                test.substring(space + 1));
    }

    private static String name(Event event) {
        return event.getTestDescriptor().getDisplayName().replace("()", "");
    }

    private static Throwable thrown(Event event) {
        return event.getRequiredPayload(TestExecutionResult.class)
                .getThrowable()
                .orElseThrow();
    }
}
