package io.kvferry.example.llm.kv;

/**
 * What was known of a prompt and is in its cache now.
 *
 * @param tokens how many tokens need not be computed again
 * @param fetchedTokens how many of them came from another node
 * @param loss why there is less than what is known; empty when there is all of it
 */
public record Prefix(int tokens, int fetchedTokens, String loss) {
    /** Nothing was known. */
    public static final Prefix NONE = new Prefix(0, 0, "");
}
