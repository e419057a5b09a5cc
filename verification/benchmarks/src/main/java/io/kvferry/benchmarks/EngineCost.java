package io.kvferry.benchmarks;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * {@link EngineOverhead} under JMH with its profiler of allocation.
 *
 * @param setup where
 */
record EngineCost(Setup setup) implements Measurement {
    static final String TIME = "initiatorAlone_us";
    static final String BYTES = "initiatorAlone_bytes";

    private static final Duration LIMIT = Duration.ofMinutes(3);
    private static final String CLASS = EngineOverhead.class.getName() + ".";

    @Override
    public Sample run() throws IOException {
        Path json = Files.createTempFile(setup.folder(), "jmh", ".json");
        List<String> command = List.of(
                setup.java(),
                "-jar",
                setup.benchmarksJar().toString(),
                "EngineOverhead.(initiatorAlone|transferOnStandingLease)",
                "-p",
                "blocks=1",
                "-prof",
                "gc",
                "-foe",
                "true",
                "-rf",
                "json",
                "-rff",
                json.toString());
        try {
            Program.run(setup.folder(), command, LIMIT);
            return sample(Files.readString(json));
        } finally {
            Files.deleteIfExists(json);
        }
    }

    static Sample sample(String json) {
        JsonArray results = JsonParser.parseString(json).getAsJsonArray();
        Map<String, Double> figures = new HashMap<>();
        for (JsonElement element : results) {
            JsonObject result = element.getAsJsonObject();
            String name = result.get("benchmark").getAsString().substring(CLASS.length());
            figures.put(name + "_us", score(result.getAsJsonObject("primaryMetric")) / 1e3);
            JsonObject more = result.getAsJsonObject("secondaryMetrics");
            figures.put(name + "_bytes", score(allocated(more)));
        }
        return new Sample(figures);
    }

    /** JMH put a dot before the names of profilers until 1.36. */
    private static JsonObject allocated(JsonObject metrics) {
        String name = metrics.has("gc.alloc.rate.norm") ? "gc.alloc.rate.norm" : "·gc.alloc.rate.norm";
        return metrics.getAsJsonObject(name);
    }

    private static double score(JsonObject metric) {
        return metric.get("score").getAsDouble();
    }
}
