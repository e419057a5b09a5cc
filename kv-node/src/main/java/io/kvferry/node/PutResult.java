package io.kvferry.node;

/**
 * What became of tokens that were put: {@code storedTokens + knownTokens + leftTokens = requestedTokens}.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param requestedTokens how many were given
 * @param storedTokens how many are here now and were not before
 * @param knownTokens how many were here already
 * @param leftTokens how many are not here: those after the last whole chunk, and those that there was no room for
 * @since 0.1.0
 */
public record PutResult(int requestedTokens, int storedTokens, int knownTokens, int leftTokens) {}
