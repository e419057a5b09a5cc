package io.kvferry.example.llm;

import io.prometheus.metrics.core.datapoints.CounterDataPoint;
import io.prometheus.metrics.core.datapoints.DistributionDataPoint;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.Gauge;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Instant;

/**
 * What the server counts, under the names of vLLM where the meaning is theirs. What is known of prompts is counted by the store.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class LlmMetrics {
    static final String CONTENT_TYPE = PrometheusTextFormatWriter.CONTENT_TYPE;

    private static final double[] SECONDS = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10};

    private final PrometheusRegistry registry = new PrometheusRegistry();
    private final PrometheusTextFormatWriter writer = PrometheusTextFormatWriter.builder()
            .setIncludeCreatedTimestamps(false)
            .build();
    private final String model;

    private final CounterDataPoint promptTokens;
    private final CounterDataPoint answerTokens;
    private final CounterDataPoint failedFetches;
    private final CounterDataPoint publishedPrompts;
    private final CounterDataPoint publishedTokens;
    private final CounterDataPoint failedStores;
    private final CounterDataPoint refused;
    private final DistributionDataPoint firstTokenTime;

    LlmMetrics(String model) {
        this.model = model;
        promptTokens = counter("vllm:prompt_tokens", "Tokens of prompts.");
        answerTokens = counter("vllm:generation_tokens", "Tokens of answers.");
        failedFetches =
                counter("kvferry_llm_failed_fetches", "Prompts that were computed though more of them was known.");
        publishedPrompts = counter("kvferry_llm_published_prompts", "Prompts that other nodes can find now.");
        publishedTokens = counter("kvferry_llm_published_tokens", "Tokens of those that were not kept before.");
        failedStores = counter("kvferry_llm_failed_stores", "Prompts whose KV cache could not be kept.");
        refused = counter("kvferry_llm_refused_requests", "Requests that were not answered.");
        firstTokenTime = Histogram.builder()
                .name("vllm:time_to_first_token_seconds")
                .help("Seconds of work until the first token.")
                .classicOnly()
                .classicUpperBounds(SECONDS)
                .labelNames("model_name")
                .register(registry)
                .labelValues(model);
        Gauge.builder()
                .name("process_start_time_seconds")
                .help("When this process started, in seconds since 1970.")
                .register(registry)
                .set(startMillis() / 1e3);
    }

    private CounterDataPoint counter(String name, String help) {
        return Counter.builder()
                .name(name)
                .help(help)
                .labelNames("model_name")
                .register(registry)
                .labelValues(model);
    }

    private static long startMillis() {
        return ProcessHandle.current()
                .info()
                .startInstant()
                .orElse(Instant.EPOCH)
                .toEpochMilli();
    }

    void fetchFailed() {
        failedFetches.inc();
    }

    void published(int tokens) {
        publishedPrompts.inc();
        publishedTokens.inc(tokens);
    }

    void storeFailed() {
        failedStores.inc();
    }

    void firstToken(int prompt, long nanos) {
        promptTokens.inc(prompt);
        firstTokenTime.observe(nanos / 1e9);
    }

    void answered(int tokens) {
        answerTokens.inc(tokens);
    }

    void refused() {
        refused.inc();
    }

    void write(OutputStream out) throws IOException {
        writer.write(out, registry.scrape());
    }
}
