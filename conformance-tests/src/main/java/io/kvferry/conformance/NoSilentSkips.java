package io.kvferry.conformance;

import java.lang.reflect.Method;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.InvocationInterceptor;
import org.junit.jupiter.api.extension.LifecycleMethodExecutionExceptionHandler;
import org.junit.jupiter.api.extension.ReflectiveInvocationContext;
import org.opentest4j.TestAbortedException;

/**
 * Turns a test that skips itself into a failure, unless it names the environment as its reason: {@code
 * SKIP[environment=...]}. With {@code -Dkvferry.conformance.strict=true}, where the environment is promised, that one too.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public final class NoSilentSkips implements InvocationInterceptor, LifecycleMethodExecutionExceptionHandler {
    private static final String ENVIRONMENT = "SKIP[environment=";

    /** Made by JUnit. */
    public NoSilentSkips() {}

    static String environment(String reason) {
        return ENVIRONMENT + reason + "]";
    }

    @Override
    public void interceptTestMethod(
            Invocation<Void> invocation, ReflectiveInvocationContext<Method> call, ExtensionContext context)
            throws Throwable {
        try {
            invocation.proceed();
        } catch (TestAbortedException e) {
            throw judged(e);
        }
    }

    @Override
    public void handleBeforeEachMethodExecutionException(ExtensionContext context, Throwable thrown) throws Throwable {
        throw thrown instanceof TestAbortedException skip ? judged(skip) : thrown;
    }

    private static Throwable judged(TestAbortedException skip) {
        String reason = String.valueOf(skip.getMessage());
        if (!reason.contains(ENVIRONMENT)) {
            return new AssertionError("a conformance test may not skip itself: " + reason, skip);
        }
        if (Boolean.getBoolean("kvferry.conformance.strict")) {
            return new AssertionError("kvferry.conformance.strict promises this environment: " + reason, skip);
        }
        return skip;
    }
}
