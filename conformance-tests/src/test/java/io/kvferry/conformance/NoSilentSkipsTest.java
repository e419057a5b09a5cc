package io.kvferry.conformance;

import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.testkit.engine.EngineTestKit;
import org.junit.platform.testkit.engine.EventStatistics;
import org.junit.platform.testkit.engine.Events;
import org.opentest4j.TestAbortedException;

class NoSilentSkipsTest {
    @Test
    void skipWithoutAnEnvironmentAsItsReasonIsAFailure() {
        run("silent").assertStatistics((EventStatistics all) -> all.failed(1).aborted(0));
    }

    @Test
    void skipThatNamesTheEnvironmentIsASkip() {
        run("environment")
                .assertStatistics((EventStatistics all) -> all.failed(0).aborted(1));
    }

    @Test
    void strictModeForbidsThatOneToo() {
        System.setProperty("kvferry.conformance.strict", "true");
        try {
            run("environment")
                    .assertStatistics((EventStatistics all) -> all.failed(1).aborted(0));
        } finally {
            System.clearProperty("kvferry.conformance.strict");
        }
    }

    @Test
    void passingTestPasses() {
        run("passes").assertStatistics((EventStatistics all) -> all.succeeded(1));
    }

    private static Events run(String method) {
        return EngineTestKit.engine("junit-jupiter")
                .selectors(DiscoverySelectors.selectMethod(Skipping.class, method))
                .execute()
                .testEvents();
    }

    /** Run by the tests above alone: its name is none that a build looks for. */
    @ExtendWith(NoSilentSkips.class)
    static class Skipping {
        @Test
        void silent() {
            Assumptions.assumeTrue(false, "not today");
        }

        @Test
        void environment() {
            throw new TestAbortedException(NoSilentSkips.environment("no device"));
        }

        @Test
        void passes() {
            Assumptions.assumeTrue(true);
        }
    }
}
