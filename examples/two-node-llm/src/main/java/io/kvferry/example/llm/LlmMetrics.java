package io.kvferry.example.llm;

import io.kvferry.example.llm.kv.Prefix;
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
 * What the server counts, under the names that vLLM and LMCache use where the meaning is theirs. Asked and found tokens of a
 * look-up move together (R19), so their ratio is a hit rate at any moment.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class LlmMetrics {
    static final String CONTENT_TYPE = PrometheusTextFormatWriter.CONTENT_TYPE;

    private static final double[] SECONDS = {
        0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10
    };

    private final PrometheusRegistry registry = new PrometheusRegistry();
    private final PrometheusTextFormatWriter writer =
            PrometheusTextFormatWriter.builder().setIncludeCreatedTimestamps(false).build();
    private final String model;

    private final CounterDataPoint lookups;
    private final CounterDataPoint lookupTokens;
    private final CounterDataPoint lookupHits;
    private final CounterDataPoint retrievals;
    private final CounterDataPoint requestedTokens;
    private final CounterDataPoint hitTokens;
    private final CounterDataPoint fetches;
    private final CounterDataPoint fetchedTokens;
    private final CounterDataPoint fetchedBytes;
    private final CounterDataPoint failedFetches;
    private final CounterDataPoint stores;
    private final CounterDataPoint storedTokens;
    private final CounterDataPoint failedStores;
    private final CounterDataPoint promptTokens;
    private final CounterDataPoint answerTokens;
    private final CounterDataPoint refused;
    private final DistributionDataPoint retrieveTime;
    private final DistributionDataPoint transferTime;
    private final DistributionDataPoint storeTime;
    private final DistributionDataPoint firstTokenTime;

    LlmMetrics(String model) {
        this.model = model;
        lookups = counter("lmcache:num_lookup_requests", "Prompts that were looked up.");
        lookupTokens = counter("lmcache:num_lookup_tokens", "Tokens of the prompts that were looked up.");
        lookupHits = counter("lmcache:num_lookup_hits", "Tokens whose KV cache was found by a look-up.");
        retrievals = counter("lmcache:num_retrieve_requests", "Look-ups whose KV cache was then taken.");
        requestedTokens = counter("lmcache:num_requested_tokens", "Tokens whose KV cache was to be taken.");
        hitTokens = counter("lmcache:num_hit_tokens", "Tokens whose KV cache was taken.");
        fetches = counter("lmcache:num_p2p_requests", "Fetches from another node.");
        fetchedTokens = counter("lmcache:num_p2p_transferred_tokens", "Tokens whose KV cache came from another node.");
        fetchedBytes = counter("kvferry_llm_fetched_bytes", "Bytes of KV cache that came from other nodes.");
        failedFetches = counter("kvferry_llm_failed_fetches", "Look-ups or fetches that failed; the prompt was computed.");
        stores = counter("lmcache:num_store_requests", "Prompts whose KV cache was kept.");
        storedTokens = counter("lmcache:num_stored_tokens", "Tokens whose KV cache was kept and was not there before.");
        failedStores = counter("kvferry_llm_failed_stores", "Prompts whose KV cache could not be kept.");
        promptTokens = counter("vllm:prompt_tokens", "Tokens of prompts.");
        answerTokens = counter("vllm:generation_tokens", "Tokens of answers.");
        refused = counter("kvferry_llm_refused_requests", "Requests that were not answered.");
        retrieveTime = histogram("lmcache:time_to_retrieve", "Seconds from the look-up to the KV cache in place.");
        transferTime = histogram("lmcache:p2p_time_to_transfer", "Seconds of a fetch from another node.");
        storeTime = histogram("lmcache:time_to_store", "Seconds to keep the KV cache of a prompt.");
        firstTokenTime = histogram("vllm:time_to_first_token_seconds", "Seconds of work until the first token.");
        Gauge.builder()
                .name("process_start_time_seconds")
                .help("When this process started, in seconds since 1970.")
                .register(registry)
                .set(ProcessHandle.current()
                                .info()
                                .startInstant()
                                .orElse(Instant.EPOCH)
                                .toEpochMilli()
                        / 1e3);
    }

    private CounterDataPoint counter(String name, String help) {
        return Counter.builder()
                .name(name)
                .help(help)
                .labelNames("model_name")
                .register(registry)
                .labelValues(model);
    }

    private DistributionDataPoint histogram(String name, String help) {
        return Histogram.builder()
                .name(name)
                .help(help)
                .classicOnly()
                .classicUpperBounds(SECONDS)
                .labelNames("model_name")
                .register(registry)
                .labelValues(model);
    }

    void lookedUp(int tokens, Prefix prefix, long nanos) {
        lookups.inc();
        lookupTokens.inc(tokens);
        lookupHits.inc(prefix.tokens());
        if (prefix.tokens() > 0) {
            retrievals.inc();
            requestedTokens.inc(prefix.tokens());
            hitTokens.inc(prefix.tokens());
            retrieveTime.observe(seconds(nanos));
        }
        if (prefix.fetchedTokens() > 0) {
            fetches.inc();
            fetchedTokens.inc(prefix.fetchedTokens());
            fetchedBytes.inc(prefix.fetchedBytes());
            transferTime.observe(seconds(prefix.transferNanos()));
        }
    }

    void fetchFailed(int tokens) {
        lookups.inc();
        lookupTokens.inc(tokens);
        failedFetches.inc();
    }

    void stored(int tokens, long nanos) {
        stores.inc();
        storedTokens.inc(tokens);
        storeTime.observe(seconds(nanos));
    }

    void storeFailed() {
        failedStores.inc();
    }

    void firstToken(int prompt, long nanos) {
        promptTokens.inc(prompt);
        firstTokenTime.observe(seconds(nanos));
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

    private static double seconds(long nanos) {
        return nanos / 1e9;
    }
}
