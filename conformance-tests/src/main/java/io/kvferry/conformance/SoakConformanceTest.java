package io.kvferry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.engine.EngineStatus;
import io.kvferry.spi.Capability;
import io.kvferry.spi.Deadline;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Every verb from many threads at once, with every invariant looked at after each round.
 *
 * <p>{@code -Dkvferry.soak=1h} goes on for that long, and then compares the process with what it was after the first tenth:
 * memory, threads and descriptors must not have grown.
 *
 * @since 0.1.0
 */
@Tag("soak")
public abstract class SoakConformanceTest extends ConformanceSuite {
    private static final Duration SOAK =
            Duration.parse("PT" + System.getProperty("kvferry.soak", "0s").toUpperCase(Locale.ROOT));
    private static final int THREADS = 64;
    private static final int ROUNDS = 5;
    private static final int TENTHS = 10;

    /**
     * Makes the suite.
     *
     * @param harness what is tested
     */
    protected SoakConformanceTest(BackendHarness harness) {
        super(harness);
    }

    /** Sixty-four threads ask for everything at once: each gets what the contract says, and in the end nothing is left. */
    @Test
    @Timeout(value = 8, unit = TimeUnit.DAYS)
    public final void stochastic_R14_8_everyVerbFromManyThreadsKeepsEveryRule() {
        List<SoakWorker> workers = new ArrayList<>();
        for (int i = 0; i < THREADS; i++) {
            boolean forth = i % 2 == 0;
            workers.add(new SoakWorker(
                    bed(),
                    forth ? bed().initiator() : bed().target(),
                    forth ? bed().target() : bed().initiator(),
                    new Random(random().nextLong() + i)));
        }
        work(workers, SOAK.dividedBy(TENTHS));
        if (SOAK.isPositive()) {
            Footprint early = Footprint.now();
            work(workers, SOAK.minus(SOAK.dividedBy(TENTHS)));
            assertThat(Footprint.now().growthSince(early))
                    .as("what grew in " + SOAK)
                    .isEmpty();
        }
        long completed = workers.stream().mapToLong(SoakWorker::completed).sum();
        assertThat(completed).as("transfers that completed").isGreaterThan(THREADS);
        workers.forEach(SoakWorker::close);
    }

    private void work(List<SoakWorker> workers, Duration duration) {
        Deadline end = Deadline.after(duration);
        List<CompletableFuture<Boolean>> threads = workers.stream()
                .map(worker -> Await.start(() -> worker.work(ROUNDS, end)))
                .toList();
        threads.forEach(thread -> awaitEnd(thread, duration));
        for (Node node : bed().nodes()) {
            Await.until(
                    () -> "nothing in hand: " + node.engine().status().lines(),
                    () -> isIdle(node.engine().status()));
            assertThat(node.watch().violations()).isEmpty();
        }
    }

    private static void awaitEnd(CompletableFuture<Boolean> thread, Duration duration) {
        try {
            thread.get(duration.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException | ExecutionException e) {
            Await.get("a thread's work", thread);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
    }

    private static boolean isIdle(EngineStatus status) {
        return status.transfers().isEmpty() && status.leases() == 0 && status.quarantinedTransfers() == 0;
    }

    /** Whether a lease can be taken back under a transfer and be free without time passing. */
    static boolean canTakeBack(Node node) {
        return node.can(Capability.REVOKE) && node.can(Capability.CANCEL_IN_FLIGHT);
    }
}
