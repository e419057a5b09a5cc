package io.kvferry.conformance;

/** The suite of sockets for the harness that {@link ConformanceLauncher} was given. */
final class LaunchedSocketConformance extends SocketConformanceTest {
    LaunchedSocketConformance() {
        super(LaunchedConformance.current());
    }
}
