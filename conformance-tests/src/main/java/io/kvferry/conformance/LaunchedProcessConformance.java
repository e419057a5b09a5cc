package io.kvferry.conformance;

/** The suite of two processes for the harness that {@link ConformanceLauncher} was given. */
final class LaunchedProcessConformance extends ProcessConformanceTest {
    LaunchedProcessConformance() {
        super(LaunchedConformance.current());
    }
}
