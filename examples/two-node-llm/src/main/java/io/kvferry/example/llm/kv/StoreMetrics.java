package io.kvferry.example.llm.kv;

import io.prometheus.metrics.core.datapoints.CounterDataPoint;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/**
 * What a store in memory counts, under the names of LMCache. Asked and found tokens of a look-up move together (R19), so their
 * ratio is a hit rate at any moment.
 */
final class StoreMetrics {
    private final PrometheusRegistry registry = new PrometheusRegistry();
    private final CounterDataPoint lookups = counter("lmcache:num_lookup_requests", "Look-ups.");
    private final CounterDataPoint lookupTokens = counter("lmcache:num_lookup_tokens", "Tokens that were looked up.");
    private final CounterDataPoint lookupHits = counter("lmcache:num_lookup_hits", "Tokens of those that were found.");
    private final CounterDataPoint stores = counter("lmcache:num_store_requests", "Prompts that were kept.");
    private final CounterDataPoint storedTokens = counter("lmcache:num_stored_tokens", "Tokens that were new then.");

    private CounterDataPoint counter(String name, String help) {
        return Counter.builder().name(name).help(help).register(registry);
    }

    void lookedUp(int tokens, int found) {
        lookups.inc();
        lookupTokens.inc(tokens);
        lookupHits.inc(found);
    }

    void stored(int tokens) {
        stores.inc();
        storedTokens.inc(tokens);
    }

    String text() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try {
            PrometheusTextFormatWriter.builder()
                    .setIncludeCreatedTimestamps(false)
                    .build()
                    .write(out, registry.scrape());
        } catch (IOException e) {
            throw new UncheckedIOException(e); // an array takes everything
        }
        return out.toString(StandardCharsets.UTF_8);
    }
}
