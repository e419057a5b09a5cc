package io.kvferry.conformance;

import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.TestExecutionExceptionHandler;

/**
 * Adds to every failure how to run it again with the same random numbers.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public final class SeedOnFailure implements TestExecutionExceptionHandler {
    /** Made by JUnit. */
    public SeedOnFailure() {}

    @Override
    public void handleTestExecutionException(ExtensionContext context, Throwable thrown) throws Throwable {
        thrown.addSuppressed(new AssertionError("replay with -D" + Seed.PROPERTY + "=" + Seed.base()));
        throw thrown;
    }
}
