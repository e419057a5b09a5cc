package io.kvferry.node;

/**
 * How the keys, and behind them the values, of one layer of a chunk are ordered.
 *
 * @since 0.1.0
 */
public enum PageOrder {
    /** For each token all heads, often called NHD. */
    TOKENS_FIRST,
    /** For each head all tokens, often called HND: the heads of one rank lie in one piece. */
    HEADS_FIRST
}
