package io.kvferry.example.llm.kv;

/**
 * What was known of a prompt.
 *
 * @param tokens how many tokens need not be computed again
 * @param fetchedTokens how many of them came from another node
 * @param fetchedBytes what those moved
 * @param transferNanos how long they took to move, with looking for who has them and agreeing with that node
 */
public record Prefix(int tokens, int fetchedTokens, long fetchedBytes, long transferNanos) {
    /** Nothing was known. */
    public static final Prefix NONE = new Prefix(0, 0, 0, 0);
}
