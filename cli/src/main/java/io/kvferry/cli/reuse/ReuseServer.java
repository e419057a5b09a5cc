package io.kvferry.cli.reuse;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A server under test: what it answers, and what its metrics or its log say it has done.
 *
 * <p><b>Threads:</b> Completions from any thread; observations from one.
 */
public final class ReuseServer implements AutoCloseable {
    private static final long MAX_METRICS = 32 << 20;
    private static final Duration POLL = Duration.ofMillis(50);
    private static final Duration METRICS_TIMEOUT = Duration.ofSeconds(10);

    private final String name;
    private final URI metrics;
    private final Ticker ticker;
    private final @Nullable LogFile log;
    private final CompletionClient client;
    private final Http http = new Http();

    /**
     * Where a server is.
     *
     * @param name what it is called in messages
     * @param completions its completions
     * @param metrics its metrics, null for {@code /metrics} of the same host and port
     * @param log its log file, used where it has no metrics
     */
    public record Address(
            String name,
            URI completions,
            @Nullable URI metrics,
            @Nullable Path log) {}

    /**
     * Makes a client of a server; nothing is sent yet.
     *
     * @param address where it is
     * @param model what to ask it for; empty leaves it to the server
     * @param ticker what is timed with
     * @throws IOException if its log file cannot be read
     */
    public ReuseServer(Address address, String model, Ticker ticker) throws IOException {
        Path file = address.log();
        URI page = address.metrics();
        this.name = address.name();
        this.metrics = page == null ? address.completions().resolve("/metrics") : page;
        this.ticker = ticker;
        this.log = file == null ? null : new LogFile(file);
        this.client = new CompletionClient(name, address.completions(), model, ticker);
    }

    /**
     * Returns what it is called.
     *
     * @return a word for messages
     */
    public String name() {
        return name;
    }

    /**
     * Returns how to ask it.
     *
     * @return closed with this
     */
    public CompletionClient client() {
        return client;
    }

    /**
     * Looks at its metrics, or else at its log.
     *
     * @return what they say; empty if there is neither
     */
    public Optional<Observation> observe() {
        try {
            Optional<MetricsPage> page = page();
            if (page.isPresent() && (log == null || hasLookups(page.get()))) {
                return page.map(Observation::of);
            }
        } catch (TransferException e) {
            if (log == null) {
                return Optional.empty();
            }
        }
        return Optional.ofNullable(log).map(LogFile::counts).map(Observation::of);
    }

    private static boolean hasLookups(MetricsPage page) {
        return Observation.of(page).lookupTokens().isPresent();
    }

    /**
     * Reads its page of metrics.
     *
     * @return empty if there is none
     * @throws TransferException if it does not answer, or not with metrics
     */
    public Optional<MetricsPage> page() {
        HttpRequest request = HttpRequest.newBuilder(metrics).GET().build();
        HttpResponse<String> response = http.send(
                request,
                HttpResponse.BodyHandlers.ofString(StandardCharsets.UTF_8),
                MAX_METRICS,
                Deadline.after(METRICS_TIMEOUT, ticker));
        return response.statusCode() == 200 ? Optional.of(MetricsPage.read(response.body())) : Optional.empty();
    }

    /**
     * Waits for the event that a figure has moved, because servers count after they have answered.
     *
     * @param moved tells whether it has
     * @param deadline until when to wait
     * @return the first observation that has moved, else the last one; empty if there is none at all
     */
    public Optional<Observation> await(Predicate<Observation> moved, Deadline deadline) {
        while (true) {
            Optional<Observation> now = observe();
            if (now.isEmpty() || deadline.isExpired()) {
                return now;
            }
            boolean isDone = moved.test(now.get());
            if (!pause(POLL, deadline) || isDone) {
                return observe(); // one more look: the counters of one event may not move at once
            }
        }
    }

    /** Waits without an event to wait for; false when interrupted. */
    static boolean pause(Duration duration, Deadline deadline) {
        try {
            // nobody counts down: this returns when the time is up or the thread is interrupted
            long nanos = Math.min(duration.toNanos(), deadline.remainingNanos());
            return !new CountDownLatch(1).await(nanos, TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    @Override
    public void close() {
        client.close();
        http.close();
    }
}
