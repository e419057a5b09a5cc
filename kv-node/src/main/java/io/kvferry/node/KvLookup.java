package io.kvferry.node;

/**
 * How much of a prompt is held, here and elsewhere, without moving anything. A hint: chunks may be evicted at any time.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param requestedTokens how many tokens were asked for
 * @param localTokens tokens of the prefix that is here
 * @param hitTokens tokens of the prefix that is here or, chunk for chunk, at some node
 * @param indexComplete false while the controller has not heard from every node what it holds
 * @since 0.1.0
 */
public record KvLookup(int requestedTokens, int localTokens, int hitTokens, boolean indexComplete) {}
