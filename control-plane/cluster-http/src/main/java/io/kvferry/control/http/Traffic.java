package io.kvferry.control.http;

import io.kvferry.control.cluster.ControllerView;
import io.kvferry.control.cluster.NodeStats;
import io.kvferry.control.cluster.NodeView;
import io.kvferry.spi.PeerIdentity;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Makes rates of what nodes count since they started, and keeps those of the last minutes.
 *
 * <p>Each process of a node is looked at on its own, so that a restart is not taken for traffic, nor for less than none. Nor is
 * what a node tells first: it may have counted for days before this controller came to know it.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class Traffic {
    private static final int KEPT = 300;

    private final ArrayDeque<Sample> samples = new ArrayDeque<>();
    private Map<PeerIdentity, NodeStats> last = Map.of();
    private long lastNanos;
    private Totals totals = new Totals(0, 0, 0);

    /** Takes a look. */
    synchronized Sample add(ControllerView view, long nowNanos, long unixMillis) {
        Map<PeerIdentity, NodeStats> now = new HashMap<>();
        long moved = 0;
        long requested = 0;
        long hit = 0;
        long inFlight = 0;
        long quarantined = 0;
        for (NodeView node : view.nodes()) {
            NodeStats stats = node.stats();
            if (stats.equals(NodeStats.NONE)) {
                continue;
            }
            NodeStats before = last.get(node.registration().identity());
            if (before != null) {
                moved += Math.max(0, stats.movedBytes() - before.movedBytes());
                requested += Math.max(0, stats.requestedTokens() - before.requestedTokens());
                hit += Math.max(0, stats.hitTokens() - before.hitTokens());
            }
            inFlight += stats.transfersInFlight();
            quarantined += stats.quarantinedBytes();
            now.put(node.registration().identity(), stats);
        }
        double seconds = Math.max(1e-3, (nowNanos - lastNanos) / 1e9);
        Sample sample =
                new Sample(unixMillis, moved / seconds, requested / seconds, hit / seconds, inFlight, quarantined);
        totals =
                new Totals(totals.movedBytes() + moved, totals.requestedTokens() + requested, totals.hitTokens() + hit);
        last = now;
        lastNanos = nowNanos;
        samples.addLast(sample);
        if (samples.size() > KEPT) {
            samples.removeFirst();
        }
        return sample;
    }

    /** All traffic since the first look. */
    synchronized Totals totals() {
        return totals;
    }

    synchronized Sample latest() {
        return samples.isEmpty() ? Sample.NONE : samples.getLast();
    }

    /** Oldest first. */
    synchronized List<Sample> history() {
        return List.copyOf(samples);
    }

    /** Sums that never shrink. */
    record Totals(long movedBytes, long requestedTokens, long hitTokens) {}
}
