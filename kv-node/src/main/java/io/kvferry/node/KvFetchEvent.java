package io.kvferry.node;

import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Timespan;
import org.jspecify.annotations.Nullable;

/** The Flight Recorder event of a fetch's end: hits and misses together are what was requested. */
@Name("io.kvferry.KvFetch")
@Label("KV cache fetch")
@Category("KVFerry")
@Description("A fetch of KV cache has ended")
@StackTrace(false)
final class KvFetchEvent extends Event {
    @Label("Requested tokens")
    int requestedTokens;

    @Label("Tokens found here")
    int localTokens;

    @Label("Tokens fetched from other nodes")
    int fetchedTokens;

    @Label("Missed tokens")
    int missedTokens;

    @Label("Fetched bytes")
    @DataAmount
    long fetchedBytes;

    @Label("Transfers")
    int transfers;

    @Label("Failed holders")
    int failedHolders;

    @Label("Why it is no more")
    String missReason = "";

    @Label("Transfer time")
    @Timespan(Timespan.NANOSECONDS)
    long transferNanos;

    @Label("Total time")
    @Timespan(Timespan.NANOSECONDS)
    long totalNanos;

    static void emit(KvFetch.Figures figures, int failedHolders, @Nullable Miss miss) {
        KvFetchEvent event = new KvFetchEvent();
        if (!event.isEnabled()) {
            return;
        }
        event.requestedTokens = figures.requestedTokens();
        event.localTokens = figures.localTokens();
        event.fetchedTokens = figures.fetchedTokens();
        event.missedTokens = figures.missedTokens();
        event.fetchedBytes = figures.fetchedBytes();
        event.transfers = figures.transfers();
        event.failedHolders = failedHolders;
        event.missReason = miss == null ? "" : miss.reason().name();
        event.transferNanos = figures.transferNanos();
        event.totalNanos = figures.totalNanos();
        event.commit();
    }
}
