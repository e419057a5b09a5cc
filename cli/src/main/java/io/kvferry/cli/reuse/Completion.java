package io.kvferry.cli.reuse;

import java.util.List;

/**
 * An answer and how it came.
 *
 * @param text the answer
 * @param logProbabilities of its tokens, as the server wrote them; empty if it did not
 * @param promptTokens tokens of the prompt, -1 if the server did not say
 * @param cachedTokens tokens of the prompt that it did not compute, -1 if it did not say
 * @param firstTokenNanos time to the first token
 * @param gapNanos times between tokens
 * @param totalNanos time to the end
 */
public record Completion(
        String text,
        List<String> logProbabilities,
        int promptTokens,
        int cachedTokens,
        long firstTokenNanos,
        List<Long> gapNanos,
        long totalNanos) {
    /**
     * Returns how many tokens were answered, as far as they came one by one.
     *
     * @return tokens
     */
    public int tokens() {
        return gapNanos.size() + 1;
    }
}
