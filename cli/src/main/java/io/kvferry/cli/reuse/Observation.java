package io.kvferry.cli.reuse;

import java.util.OptionalDouble;

/**
 * What a server has said about itself up to a moment, by its metrics or its log. What it does not say is absent.
 *
 * <p>{@code retrieve_hit_rate} is not among it: it compares what was taken with what a look-up had found already, so it is one
 * by construction, or stale. {@code num_hit_tokens} is its numerator and no better. What proves something are the counters of
 * the look-up, which move on one event for hits and misses.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param startSeconds when the process started
 * @param lookupTokens tokens that were looked up
 * @param hitTokens tokens of those that were found
 * @param storedTokens tokens that were kept
 * @param peerTokens tokens that came from another node
 * @param transferSeconds how long those took
 * @param transfers how often some came
 * @param stores how many prompts were kept
 */
public record Observation(
        OptionalDouble startSeconds,
        OptionalDouble lookupTokens,
        OptionalDouble hitTokens,
        OptionalDouble storedTokens,
        OptionalDouble peerTokens,
        OptionalDouble transferSeconds,
        OptionalDouble transfers,
        OptionalDouble stores) {
    static Observation of(MetricsPage page) {
        return new Observation(
                page.value("process_start_time_seconds"),
                page.value("lmcache:num_lookup_tokens", "lmcache_mp_lookup_requested_tokens"),
                page.value("lmcache:num_lookup_hits", "lmcache_mp_lookup_hit_tokens"),
                page.value("kvferry_llm_published_tokens", "lmcache:num_stored_tokens", "lmcache:num_store_requests"),
                page.value("lmcache:num_p2p_transferred_tokens", "lmcache:num_p2p_requests"),
                page.value("lmcache:p2p_time_to_transfer_sum", "lmcache:time_to_retrieve_sum"),
                page.value("lmcache:p2p_time_to_transfer_count", "lmcache:time_to_retrieve_count"),
                page.value("kvferry_llm_published_prompts", "lmcache:num_store_requests"));
    }

    static Observation of(LogFile.Counts log) {
        OptionalDouble none = OptionalDouble.empty();
        return new Observation(
                none,
                OptionalDouble.of((double) log.lookupTokens()),
                OptionalDouble.of((double) log.hitTokens()),
                OptionalDouble.of((double) log.storedTokens()),
                none,
                none,
                none,
                none);
    }

    /** Whether the process behind these is another one than before: counters never go back otherwise. */
    boolean isRestartedSince(Observation before) {
        return differs(before.startSeconds, startSeconds)
                || wentBack(before.lookupTokens, lookupTokens)
                || wentBack(before.hitTokens, hitTokens)
                || wentBack(before.storedTokens, storedTokens);
    }

    private static boolean differs(OptionalDouble before, OptionalDouble after) {
        return before.isPresent() && after.isPresent() && before.getAsDouble() != after.getAsDouble();
    }

    private static boolean wentBack(OptionalDouble before, OptionalDouble after) {
        return before.isPresent() && (after.isEmpty() || after.getAsDouble() < before.getAsDouble());
    }

    /** How much a figure has grown; absent if the server does not say. A counter that has just appeared began at zero. */
    static OptionalDouble growth(OptionalDouble before, OptionalDouble after) {
        return after.isEmpty() ? after : OptionalDouble.of(after.getAsDouble() - before.orElse(0));
    }
}
