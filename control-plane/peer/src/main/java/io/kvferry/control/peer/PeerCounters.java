package io.kvferry.control.peer;

import java.util.concurrent.atomic.LongAdder;

/** What went wrong with peers, counted instead of fatal (R11). */
final class PeerCounters {
    /** Requests, replies and frames that could not be decoded. */
    final LongAdder undecodable = new LongAdder();

    /** Calls that ended before their request was complete: over the limit, or given up. */
    final LongAdder incompleteCalls = new LongAdder();

    /** Calls and channels refused because too many were under way. */
    final LongAdder refusedCalls = new LongAdder();

    /** Connections refused because too many were open. */
    final LongAdder refusedConnections = new LongAdder();

    /** Connections that ended without one call: port scans, HTTP clients, garbage. */
    final LongAdder uselessConnections = new LongAdder();

    /** Failures of the service that were not refusals. */
    final LongAdder internalErrors = new LongAdder();

    @Override
    public String toString() {
        return "undecodable=" + undecodable
                + " incomplete-calls=" + incompleteCalls
                + " refused-calls=" + refusedCalls
                + " refused-connections=" + refusedConnections
                + " useless-connections=" + uselessConnections
                + " internal-errors=" + internalErrors;
    }
}
