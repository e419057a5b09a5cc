package io.kvferry.conformance;

import io.kvferry.spi.Deadline;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Waits for events, never for time to pass: each wait ends with the event, or fails with what did not happen.
 *
 * <p>How long a wait may last on the real clock is {@code -Dkvferry.conformance.patience} in milliseconds, 10000 unless
 * set. It bounds failing tests; the few deadlines of tests that run on the real clock are longer in proportion.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public final class Await {
    private static final long DEFAULT_PATIENCE_MILLIS = 10_000;
    private static final Duration ASKED =
            Duration.ofMillis(Long.getLong("kvferry.conformance.patience", DEFAULT_PATIENCE_MILLIS));
    private static final long POLL_NANOS = 50_000;

    /**
     * What a step of the clock leaves real time for: bytes and messages under way, which a clock that runs ahead of them makes
     * late. Where more patience was asked for, as on an emulated machine, they need more.
     */
    private static final long STEP_NANOS = isPatient() ? 5_000_000 : 0;

    private static volatile Duration patience = ASKED;

    private Await() {}

    private static boolean isPatient() {
        return ASKED.toMillis() > DEFAULT_PATIENCE_MILLIS;
    }

    /** For tests of the kit that must fail: they need not wait long for it. Null for what was asked for. */
    static void patience(@Nullable Duration shorter) {
        patience = shorter == null ? ASKED : shorter;
    }

    /** A time on the real clock, longer where more patience was asked for than the default. */
    static Duration scaled(Duration normally) {
        return normally.multipliedBy(Math.max(1, ASKED.toMillis() / DEFAULT_PATIENCE_MILLIS));
    }

    /**
     * Waits until a condition holds.
     *
     * @param what the event in words, for the failure
     * @param condition cheap, without side effects
     * @throws AssertionError if it does not hold in time
     */
    public static void until(String what, BooleanSupplier condition) {
        until(() -> what, condition);
    }

    /**
     * Waits until a condition holds.
     *
     * @param what the event in words with what is there instead, asked for on failure only
     * @param condition cheap, without side effects
     * @throws AssertionError if it does not hold in time
     */
    public static void until(Supplier<String> what, BooleanSupplier condition) {
        Deadline deadline = Deadline.after(patience);
        while (!condition.getAsBoolean()) {
            if (deadline.isExpired()) {
                throw new AssertionError("did not happen within " + patience.toMillis() + " ms: " + what.get());
            }
            LockSupport.parkNanos(POLL_NANOS);
        }
    }

    /**
     * Moves a clock step by step until a condition holds: for what needs several timers, each set by the one before.
     *
     * @param what the event in words
     * @param ticker the clock to advance
     * @param step how far at a time
     * @param condition cheap, without side effects
     * @throws AssertionError if it does not hold in time
     */
    public static void advancing(String what, FakeTicker ticker, Duration step, BooleanSupplier condition) {
        until(what, () -> {
            if (condition.getAsBoolean()) {
                return true;
            }
            ticker.advance(step);
            LockSupport.parkNanos(STEP_NANOS);
            return condition.getAsBoolean();
        });
    }

    /**
     * Starts a call that may block, on a thread of its own.
     *
     * @param <T> the kind of result
     * @param call the call
     * @return its outcome, for {@link #get}
     */
    public static <T> CompletableFuture<T> start(Callable<T> call) {
        CompletableFuture<T> outcome = new CompletableFuture<>();
        Thread.ofVirtual().name("conformance-caller").start(() -> {
            try {
                outcome.complete(call.call());
            } catch (Throwable e) {
                outcome.completeExceptionally(e);
            }
        });
        return outcome;
    }

    /**
     * Makes a call that may block, and fails when it does not return in time.
     *
     * @param <T> the kind of result
     * @param what the call in words
     * @param call the call
     * @return what it returned
     * @throws RuntimeException what it threw
     */
    public static <T> T call(String what, Callable<T> call) {
        return get(what, start(call));
    }

    /**
     * Waits for an outcome.
     *
     * @param <T> the kind of result
     * @param what the event in words
     * @param outcome what to wait for
     * @return the result
     * @throws RuntimeException what the outcome failed with
     */
    public static <T> T get(String what, Future<T> outcome) {
        try {
            return outcome.get(patience.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            throw new AssertionError("did not return within " + patience.toMillis() + " ms: " + what, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted while waiting for: " + what, e);
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case RuntimeException failure -> throw failure;
                case Error failure -> throw failure;
                case null, default -> throw new AssertionError(what + " failed", e);
            }
        }
    }
}
