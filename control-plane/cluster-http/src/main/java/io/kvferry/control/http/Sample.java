package io.kvferry.control.http;

/**
 * The traffic of the cluster in the time between two looks at it.
 *
 * @param unixMillis when, for people
 * @param movedBytesPerSecond what nodes sent and received; each byte counts at both ends
 * @param requestedTokensPerSecond tokens that nodes were asked for
 * @param hitTokensPerSecond tokens of those that they found
 * @param transfersInFlight transfers that have not ended
 * @param quarantinedBytes memory not yet proved quiet
 */
record Sample(
        long unixMillis,
        double movedBytesPerSecond,
        double requestedTokensPerSecond,
        double hitTokensPerSecond,
        long transfersInFlight,
        long quarantinedBytes) {
    /** Before there are two looks. */
    static final Sample NONE = new Sample(0, 0, 0, 0, 0, 0);
}
