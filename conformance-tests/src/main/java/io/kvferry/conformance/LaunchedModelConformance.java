package io.kvferry.conformance;

/** The random sequences for the harness that {@link ConformanceLauncher} was given. */
final class LaunchedModelConformance extends ModelConformanceTest {
    LaunchedModelConformance() {
        super(LaunchedConformance.current());
    }
}
