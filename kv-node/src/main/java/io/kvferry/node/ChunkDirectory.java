package io.kvferry.node;

import io.kvferry.control.cluster.ChunkKeys;
import io.kvferry.control.cluster.ControllerStatus;
import io.kvferry.control.cluster.LookupAnswer;
import io.kvferry.control.cluster.NodeStats;
import io.kvferry.control.cluster.OrderHandler;
import io.kvferry.spi.Deadline;
import java.util.List;
import java.util.function.Supplier;

/**
 * Who holds which chunk: the cluster's controllers, or a stand-in for them.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
interface ChunkDirectory extends ChunkListener {
    /**
     * Asks which other nodes hold the beginning of a chain.
     *
     * @throws io.kvferry.spi.TransferException where nobody can be asked
     */
    LookupAnswer lookup(ChunkKeys keys, Deadline deadline);

    /** Registers the node and begins to publish. Called once, when the node is ready for orders. */
    void start(OrderHandler orders, Supplier<NodeStats> stats);

    /** How this node stands with each controller. */
    List<ControllerStatus> controllers();

    /** Waits until the node is registered with a controller; false if it is not by then. */
    boolean awaitRegistered(Deadline deadline);

    /** Waits until every controller that can be reached knows all that is held; false if it does not by then. */
    boolean awaitPublished(Deadline deadline);

    /** Says goodbye, within bounded time. */
    void close(Deadline deadline);

    /** For a node without a cluster: nobody else holds anything. */
    ChunkDirectory NONE = new ChunkDirectory() {
        @Override
        public LookupAnswer lookup(ChunkKeys keys, Deadline deadline) {
            return new LookupAnswer(0, List.of(), true);
        }

        @Override
        public void admitted(ChunkId chunk) {}

        @Override
        public void evicted(ChunkId chunk) {}

        @Override
        public void start(OrderHandler orders, Supplier<NodeStats> stats) {}

        @Override
        public void changed() {}

        @Override
        public List<ControllerStatus> controllers() {
            return List.of();
        }

        @Override
        public boolean awaitRegistered(Deadline deadline) {
            return false;
        }

        @Override
        public boolean awaitPublished(Deadline deadline) {
            return false;
        }

        @Override
        public void close(Deadline deadline) {}
    };
}
