package io.kvferry.node;

import io.kvferry.control.cluster.ControllerStatus;
import io.kvferry.control.cluster.NodeStats;
import io.kvferry.engine.EngineStatus;
import java.util.ArrayList;
import java.util.List;

/**
 * What a node says about itself: to its owner, to people and programs that look at it, and to its controllers.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class NodeReport {
    private final NodeContext context;
    private final KvLayout layout;
    private final PeerQuota quota;

    NodeReport(NodeContext context, KvLayout layout, PeerQuota quota) {
        this.context = context;
        this.layout = layout;
        this.quota = quota;
    }

    KvNodeStatus status() {
        ChunkCounts chunks = context.store().counts();
        return new KvNodeStatus(
                context.engine().identity(),
                context.engine().address(),
                context.chain().scheme(),
                layout,
                chunks.slots(),
                chunks.free(),
                chunks.stored(),
                chunks.idle(),
                chunks.pinned(),
                chunks.stored() * context.pool().chunkBytes(),
                quota.total(),
                chunks.evictions(),
                chunks.shortages(),
                chunks.expiredPins(),
                context.counters().now());
    }

    /** What a controller is told with each keepalive. */
    NodeStats stats() {
        ChunkCounts chunks = context.store().counts();
        EngineStatus engine = context.engine().status();
        KvCounters counters = context.counters().now();
        return new NodeStats(
                Math.min(100, quota.total() * 100 / context.settings().get(NodeConfigKeys.MAX_LEASES)),
                context.pool().bytes(),
                chunks.stored() * context.pool().chunkBytes(),
                engine.transfers().size(),
                engine.quarantinedBytes(),
                counters.receivedBytes() + counters.sentBytes(),
                counters.requestedTokens(),
                counters.hitTokens());
    }

    String metrics() {
        return NodeMetrics.text(status(), context.engine().status(), context.counters());
    }

    /** A line for the node, one for each controller, then the engine's. */
    List<String> lines() {
        KvNodeStatus now = status();
        List<String> lines = new ArrayList<>();
        lines.add("node " + now.identity() + " address=" + now.address() + " scheme="
                + now.scheme().name() + " chunks="
                + now.chunks() + " idle=" + now.idleChunks() + " pinned=" + now.pinnedChunks() + " slots=" + now.slots()
                + " free-slots=" + now.freeSlots() + " lent-leases=" + now.lentLeases());
        context.directory().controllers().forEach(controller -> lines.add(line(controller)));
        lines.addAll(context.engine().status().lines());
        return lines;
    }

    private static String line(ControllerStatus controller) {
        return "controller " + controller.address() + " registered=" + controller.registered() + " synced="
                + controller.synced()
                + controller
                        .problem()
                        .map(problem -> " problem='" + problem + "'")
                        .orElse("");
    }

    String json() {
        return InspectJson.of(
                status(), context.directory().controllers(), context.engine().status());
    }
}
