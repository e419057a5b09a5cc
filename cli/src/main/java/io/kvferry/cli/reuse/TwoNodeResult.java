package io.kvferry.cli.reuse;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Function;
import java.util.function.ToLongFunction;

/**
 * What one point of the benchmark gave.
 *
 * @param promptTokens length of the prompts, about
 * @param concurrency requests at a time
 * @param computed answers of the prefill server
 * @param reused answers of the decode server to prompts with a known beginning
 * @param cold its answers to prompts that nobody had seen
 * @param reusedNanos how long all of the reused ones took together
 * @param before what the decode server said before them
 * @param after what it said after them
 */
public record TwoNodeResult(
        int promptTokens,
        int concurrency,
        List<Completion> computed,
        List<Completion> reused,
        List<Completion> cold,
        long reusedNanos,
        Optional<Observation> before,
        Optional<Observation> after) {
    /**
     * Returns the median time to the first token of prompts that nobody had seen.
     *
     * @return milliseconds
     */
    public double coldMillis() {
        return millis(cold, Completion::firstTokenNanos, 0.5);
    }

    /**
     * Returns the median time to the first token of prompts with a known beginning.
     *
     * @return milliseconds
     */
    public double reusedMillis() {
        return millis(reused, Completion::firstTokenNanos, 0.5);
    }

    /**
     * Returns the values as they are printed, by the names of their columns. What a server does not tell is {@code -}.
     *
     * @return in the order of the columns; every other value is a number
     */
    public Map<String, String> columns() {
        Map<String, String> columns = new LinkedHashMap<>();
        columns.put("prompt_tokens", String.valueOf(promptTokens));
        columns.put("concurrency", String.valueOf(concurrency));
        columns.put("requests", String.valueOf(reused.size()));
        columns.put("hit_share", ratio(growth(Observation::hitTokens), growth(Observation::lookupTokens), 1, 3));
        columns.put("prefill_p50_ms", decimals(1, millis(computed, Completion::firstTokenNanos, 0.5)));
        columns.put("prefill_p99_ms", decimals(1, millis(computed, Completion::firstTokenNanos, 0.99)));
        columns.put(
                "kv_transfer_mean_ms",
                ratio(growth(Observation::transferSeconds), growth(Observation::transfers), 1e3, 1));
        columns.put("ttft_cold_p50_ms", decimals(1, coldMillis()));
        columns.put("ttft_reused_p50_ms", decimals(1, reusedMillis()));
        columns.put("ttft_reused_p99_ms", decimals(1, millis(reused, Completion::firstTokenNanos, 0.99)));
        columns.put("ttft_ratio", decimals(3, reusedMillis() / Math.max(coldMillis(), 1e-6)));
        columns.put("decode_p50_ms", decimals(1, millis(reused, TwoNodeResult::decodeNanos, 0.5)));
        columns.put("tbt_p50_ms", decimals(2, gaps(0.5)));
        columns.put("tbt_p99_ms", decimals(2, gaps(0.99)));
        columns.put("requests_per_s", decimals(2, reused.size() * 1e9 / reusedNanos));
        int tokens = reused.stream().mapToInt(Completion::tokens).sum();
        columns.put("answer_tokens_per_s", decimals(1, tokens * 1e9 / reusedNanos));
        return columns;
    }

    private static long decodeNanos(Completion answer) {
        return answer.totalNanos() - answer.firstTokenNanos();
    }

    private static double millis(List<Completion> answers, ToLongFunction<Completion> nanos, double share) {
        return Timings.percentile(answers.stream().mapToLong(nanos).boxed().toList(), share) / 1e6;
    }

    private double gaps(double share) {
        return Timings.percentile(
                        reused.stream()
                                .flatMap(answer -> answer.gapNanos().stream())
                                .toList(),
                        share)
                / 1e6;
    }

    private OptionalDouble growth(Function<Observation, OptionalDouble> figure) {
        return before.isEmpty() || after.isEmpty()
                ? OptionalDouble.empty()
                : Observation.growth(figure.apply(before.get()), figure.apply(after.get()));
    }

    private static String ratio(OptionalDouble part, OptionalDouble whole, double scale, int decimals) {
        return part.isEmpty() || whole.orElse(0) <= 0
                ? "-"
                : decimals(decimals, part.getAsDouble() / whole.getAsDouble() * scale);
    }

    private static String decimals(int count, double value) {
        return String.format(Locale.ROOT, "%." + count + "f", value);
    }
}
