package io.kvferry.cli;

import io.kvferry.cli.reuse.Completion;
import io.kvferry.cli.reuse.MetricsPage;
import io.kvferry.cli.reuse.Prompts;
import io.kvferry.cli.reuse.ReuseServer;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.List;
import java.util.Map;

/** The story of the demo: one prompt, its continuation elsewhere, and the same from scratch. */
final class DemoRun {
    private static final int CHUNK_TOKENS = 256;
    private static final int WARM_UP_TOKENS = 320;

    /** An answer that is drawn, so that any wrong bit in the KV cache shows. */
    private static final Map<String, Object> DRAWN = Map.of("temperature", 1, "seed", 7, "logprobs", 1);

    private static final Map<String, Object> FROM_SCRATCH =
            Map.of("temperature", 1, "seed", 7, "logprobs", 1, "kv_reuse", false);

    private final ReuseServer prefill;
    private final ReuseServer decode;
    private final int promptTokens;
    private final int answerTokens;
    private final Deadline deadline;

    DemoRun(ReuseServer prefill, ReuseServer decode, int promptTokens, int answerTokens, Deadline deadline) {
        this.prefill = prefill;
        this.decode = decode;
        this.promptTokens = promptTokens;
        this.answerTokens = answerTokens;
        this.deadline = deadline;
    }

    /** What happened. */
    record Result(
            Completion first,
            long storedTokens,
            int sharedTokens,
            Completion reused,
            Completion scratch,
            long fetchedTokens,
            long fetchedBytes,
            double transferSeconds) {
        long fetchedChunks() {
            return fetchedTokens / CHUNK_TOKENS;
        }

        boolean isIdentical() {
            return reused.text().equals(scratch.text())
                    && reused.logProbabilities().equals(scratch.logProbabilities())
                    && reused.logProbabilities().size() == reused.tokens();
        }

        long medianGapNanos() {
            List<Long> sorted = scratch.gapNanos().stream().sorted().toList();
            return sorted.get(sorted.size() / 2);
        }
    }

    /**
     * Sends short pairs first: a first connection and code that hardly ever ran would be measured else, on one side only. The
     * prompts are the same in every run, and so are the answers; nobody else has asked these nodes for them.
     *
     * @param warmUps how many pairs
     */
    Result run(int warmUps) {
        for (int i = 0; i < warmUps; i++) {
            var ignored = run("Warm-up " + i + ". ", WARM_UP_TOKENS, 2);
        }
        return run("Report. ", promptTokens, answerTokens);
    }

    private Result run(String subject, int promptLength, int answerLength) {
        int sharedTokens = promptLength / 8 * 7;
        String a = Prompts.continued(subject, promptLength, 1);
        String b = Prompts.continued(a.substring(0, sharedTokens), promptLength, 2);
        MetricsPage prefillBefore = page(prefill);
        Completion first = prefill.client().complete(a, 1, DRAWN, deadline);
        long stored = awaitStored(prefillBefore);
        MetricsPage before = page(decode);
        Completion reused = decode.client().complete(b, answerLength, DRAWN, deadline);
        MetricsPage after = page(decode);
        // the other way round would flatter: what runs later finds a warmer machine
        Completion scratch = decode.client().complete(b, answerLength, FROM_SCRATCH, deadline);
        return new Result(
                first,
                stored,
                sharedTokens,
                reused,
                scratch,
                (long) growth(before, after, "lmcache:num_p2p_transferred_tokens"),
                (long) growth(before, after, "kvferry_kv_received_bytes"),
                growth(before, after, "kvferry_kv_transfer_seconds_sum"));
    }

    /** The prefill node stores after it has answered, and counts it once the controller knows. */
    private long awaitStored(MetricsPage before) {
        String counter = "kvferry_llm_published_tokens";
        double start = before.value(counter).orElse(0);
        var ignored = prefill.await(now -> now.storedTokens().orElse(0) > start, deadline);
        double stored = page(prefill).value(counter).orElse(0) - start;
        if (stored <= 0) {
            throw new TransferException(
                    TransferErrorCode.DEADLINE_EXCEEDED, Stage.TRANSFER, "the prefill node stored nothing in time");
        }
        return (long) stored;
    }

    private static MetricsPage page(ReuseServer server) {
        return server.page()
                .orElseThrow(() -> new TransferException(
                        TransferErrorCode.CONTROL_FAILED,
                        Stage.TRANSFER,
                        "the " + server.name() + " node has no metrics"));
    }

    private static double growth(MetricsPage before, MetricsPage after, String counter) {
        return after.value(counter).orElse(0) - before.value(counter).orElse(0);
    }
}
