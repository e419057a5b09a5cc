package io.kvferry.engine;

import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.StressOptions;

/** How much is tried: a few seconds in a build, {@code -Dkvferry.stress=N} times as much by hand. */
final class Budget {
    static final int TIMES = Integer.getInteger("kvferry.stress", 1);

    private static final int SCENARIOS = 8;
    private static final int INVOCATIONS = 300;

    private Budget() {}

    static StressOptions stress(StressOptions options) {
        return options.iterations(SCENARIOS * TIMES)
                .invocationsPerIteration(INVOCATIONS)
                .threads(3)
                .actorsPerThread(3)
                .actorsBefore(1)
                .actorsAfter(2)
                .minimizeFailedScenario(false);
    }

    static ModelCheckingOptions interleavings(ModelCheckingOptions options) {
        return options.iterations(SCENARIOS * TIMES)
                .invocationsPerIteration(INVOCATIONS)
                .threads(2)
                .actorsPerThread(3)
                .actorsBefore(1)
                .actorsAfter(1);
    }
}
