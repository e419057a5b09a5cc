package io.kvferry.control.cluster;

/**
 * What a node says of itself with each keepalive. All but the load only grow or are what is there now; none is negative.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param loadPercent how busy it is, 0 to 100: look-ups prefer holders that are less busy
 * @param poolBytes size of its block pool
 * @param usedBytes bytes of it in use
 * @param transfersInFlight transfers that have not ended
 * @param quarantinedBytes memory of transfers that have ended but are not yet proved quiet
 * @param movedBytes bytes sent and received since it started
 * @param requestedTokens tokens it was asked for since it started
 * @param hitTokens tokens of those that it found, here or at another node
 * @since 0.1.0
 */
public record NodeStats(
        int loadPercent,
        long poolBytes,
        long usedBytes,
        long transfersInFlight,
        long quarantinedBytes,
        long movedBytes,
        long requestedTokens,
        long hitTokens) {
    /** Of a node that has told nothing yet. */
    public static final NodeStats NONE = new NodeStats(0, 0, 0, 0, 0, 0, 0, 0);

    /**
     * Checks the values.
     *
     * @throws IllegalArgumentException if the load is not 0 to 100 or a value is negative
     */
    public NodeStats {
        if (loadPercent < 0 || loadPercent > 100) {
            throw new IllegalArgumentException("load " + loadPercent + " is not 0 to 100 percent");
        }
        if ((poolBytes | usedBytes | transfersInFlight | quarantinedBytes | movedBytes | requestedTokens | hitTokens)
                < 0) {
            throw new IllegalArgumentException("a negative value");
        }
    }
}
