package io.kvferry.node;

import io.kvferry.engine.EngineBean;
import io.kvferry.engine.StallWatch;
import io.kvferry.spi.Deadline;
import org.jspecify.annotations.Nullable;

/**
 * What runs while a node is open: it serves peers, tells controllers, and is watched.
 *
 * <p><b>Threads:</b> {@link #start} and {@link #close} are each called once, the one before the other.
 */
final class NodeLife {
    private final NodeContext context;
    private volatile @Nullable StallWatch stalls;
    private volatile @Nullable EngineBean bean;

    NodeLife(NodeContext context) {
        this.context = context;
    }

    /** Lets peers and the controller in. */
    void start(PeerQuota quota, NodeReport report) {
        Lender lender = new Lender(context, quota);
        Taker taker = new Taker(context, quota);
        context.engine().onNotify(ChunkRequest.LEND, lender::lend);
        context.engine().onNotify(ChunkRequest.TAKE, taker::take);
        context.directory().start(new NodeOrders(context), report::stats);
        bean = EngineBean.register(context.engine());
        stalls = StallWatch.start(context.engine(), context.settings().get(NodeConfigKeys.STALL_WARNING));
    }

    /** Says goodbye to the controllers, and is watched no more. */
    void close(Deadline deadline) {
        context.directory().close(deadline);
        StallWatch watch = stalls;
        if (watch != null) {
            watch.close();
        }
        EngineBean shown = bean;
        if (shown != null) {
            shown.close();
        }
    }
}
