package io.kvferry.cli.reuse;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How to check.
 *
 * @param promptTokens how long the prompts are, about
 * @param maxTokens how long the answers are
 * @param requestTimeout how long a request may take
 * @param countTimeout how long to wait for a server to count what it did
 * @param attempts how often to try with new prompts; what a server stored may take a moment to become known
 * @param first a prompt in place of a made one; what the second shares with it is what can be reused
 * @param second the prompt for the second server
 */
public record ReuseSettings(
        int promptTokens,
        int maxTokens,
        Duration requestTimeout,
        Duration countTimeout,
        int attempts,
        @Nullable String first,
        @Nullable String second) {}
