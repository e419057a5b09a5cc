package io.kvferry.conformance;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** All suites for the harness that {@link ConformanceLauncher} was given. */
final class LaunchedConformance extends BackendConformance {
    private static volatile @Nullable BackendHarness current;

    LaunchedConformance() {
        super(current());
    }

    static BackendHarness current() {
        return Objects.requireNonNull(current, "started without the launcher");
    }

    static void use(@Nullable BackendHarness harness) {
        current = harness;
    }
}
