package io.kvferry.cli.reuse;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Stage;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/**
 * Measures a prefill and a decode server: prompts to the first, prompts with the same beginnings to the second, prompts that
 * nobody has seen to the second.
 *
 * <p><b>Threads:</b> Confined to the thread that runs it.
 */
public final class TwoNodeBench {
    private static final int SHARED_EIGHTHS = 7;

    private final ReuseServer prefill;
    private final ReuseServer decode;
    private final Settings settings;
    private final Ticker ticker;

    /**
     * What all points have in common.
     *
     * @param requests prompts of each point
     * @param answerTokens length of the answers
     * @param countTimeout how long to wait for the prefill server to store
     * @param requestTimeout how long a request may take
     */
    public record Settings(int requests, int answerTokens, Duration countTimeout, Duration requestTimeout) {}

    /**
     * Prepares a benchmark.
     *
     * @param prefill the server that computes first
     * @param decode the server that reuses it
     * @param settings how
     * @param ticker the clock
     */
    public TwoNodeBench(ReuseServer prefill, ReuseServer decode, Settings settings, Ticker ticker) {
        this.prefill = prefill;
        this.decode = decode;
        this.settings = settings;
        this.ticker = ticker;
    }

    /** Sends one prompt of a length, so that no connection or page is new when it counts. */
    public void warmUp(int promptTokens) {
        var ignored = run(promptTokens, 1, 1);
    }

    /**
     * Measures one point.
     *
     * @param promptTokens length of the prompts, about
     * @param concurrency requests at a time
     * @return what it gave
     * @throws TransferException if a server fails, or does not answer in time
     */
    public TwoNodeResult run(int promptTokens, int concurrency) {
        return run(promptTokens, concurrency, settings.requests());
    }

    private TwoNodeResult run(int promptTokens, int concurrency, int requests) {
        int characters = characters(promptTokens);
        List<String> first = new ArrayList<>();
        List<String> second = new ArrayList<>();
        List<String> fresh = new ArrayList<>();
        for (int i = 0; i < requests; i++) {
            String prompt = Prompts.continued(Prompts.subject(), characters, i);
            first.add(prompt);
            second.add(Prompts.continued(prompt.substring(0, characters / 8 * SHARED_EIGHTHS), characters, -1 - i));
            fresh.add(Prompts.continued(Prompts.subject(), characters, i));
        }
        Optional<Observation> unstored = prefill.observe();
        List<Completion> computed = all(prefill, first, 1, concurrency);
        awaitStored(unstored, requests);
        Optional<Observation> before = decode.observe();
        long start = ticker.nanos();
        List<Completion> reused = all(decode, second, settings.answerTokens(), concurrency);
        long nanos = ticker.nanos() - start;
        Optional<Observation> after = decode.observe();
        List<Completion> cold = all(decode, fresh, settings.answerTokens(), concurrency);
        return new TwoNodeResult(promptTokens, concurrency, computed, reused, cold, nanos, before, after);
    }

    private int characters(int promptTokens) {
        String sample = Prompts.continued(Prompts.subject(), 400, 0);
        Completion answer = decode.client().complete(sample, 1, deadline());
        int tokens = answer.promptTokens() > 0 ? answer.promptTokens() : 100;
        return Math.max(64, (int) ((long) promptTokens * sample.length() / tokens));
    }

    /** Servers store after they have answered; where they say so it is waited for. */
    private void awaitStored(Optional<Observation> before, int requests) {
        if (before.isPresent() && before.get().stores().isPresent()) {
            double wanted = before.get().stores().getAsDouble() + requests;
            Optional<Observation> after = prefill.await(
                    now -> now.stores().orElse(0) >= wanted, Deadline.after(settings.countTimeout(), ticker));
            if (after.isEmpty() || after.get().stores().orElse(0) < wanted) {
                throw new TransferException(
                        TransferErrorCode.DEADLINE_EXCEEDED,
                        Stage.TRANSFER,
                        "the prefill server did not store " + requests + " prompts within " + settings.countTimeout());
            }
        }
    }

    private List<Completion> all(ReuseServer server, List<String> prompts, int tokens, int concurrency) {
        List<Callable<Completion>> calls = prompts.stream()
                .<Callable<Completion>>map(prompt -> () -> server.client().complete(prompt, tokens, deadline()))
                .toList();
        try (ExecutorService threads = Executors.newFixedThreadPool(
                concurrency, Thread.ofVirtual().name("bench-", 0).factory())) {
            List<Completion> answers = new ArrayList<>();
            long most = settings.requestTimeout().multipliedBy(prompts.size()).toNanos();
            for (Future<Completion> answer : threads.invokeAll(calls, most, TimeUnit.NANOSECONDS)) {
                answers.add(answer.get());
            }
            return answers;
        } catch (ExecutionException e) {
            if (e.getCause() instanceof TransferException failure) {
                throw failure;
            }
            throw new IllegalStateException(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new TransferException(TransferErrorCode.CANCELLED, Stage.TRANSFER, "interrupted", e);
        }
    }

    private Deadline deadline() {
        return Deadline.after(settings.requestTimeout(), ticker);
    }
}
