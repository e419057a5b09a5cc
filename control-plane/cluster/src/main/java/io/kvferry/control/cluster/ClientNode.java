package io.kvferry.control.cluster;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a node's sessions share: who it is, what it holds, who carries orders out.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class ClientNode {
    private static final Logger LOG = LoggerFactory.getLogger(ClientNode.class);

    private final NodeRegistration registration;
    private final NodeInventory inventory;
    private final OrderInbox orders;
    private final Supplier<NodeStats> stats;
    private final Ticker ticker;
    private final Scheduler scheduler;
    private final Executor executor;
    private final AtomicReference<@Nullable TransferException> replaced = new AtomicReference<>();

    ClientNode(
            NodeRegistration registration,
            OrderHandler orders,
            Supplier<NodeStats> stats,
            Ticker ticker,
            Scheduler scheduler,
            Executor executor) {
        this.registration = registration;
        this.inventory = new NodeInventory(registration.scheme());
        this.orders = new OrderInbox(orders, executor);
        this.stats = stats;
        this.ticker = ticker;
        this.scheduler = scheduler;
        this.executor = executor;
    }

    NodeRegistration registration() {
        return registration;
    }

    NodeInventory inventory() {
        return inventory;
    }

    OrderInbox orders() {
        return orders;
    }

    Ticker ticker() {
        return ticker;
    }

    NodeStats stats() {
        try {
            return stats.get();
        } catch (RuntimeException e) {
            LOG.error("the node's statistics failed; its lease is kept alive without", e);
            return NodeStats.NONE;
        }
    }

    /** A newer process of this node has registered: this one does not come back. */
    void replaced(TransferException why) {
        if (replaced.compareAndSet(null, why)) {
            LOG.error(
                    "node {} was replaced and takes no more part in the cluster: {}",
                    registration.identity(),
                    why.error().detail());
        }
    }

    boolean isReplaced() {
        return replaced.get() != null;
    }

    @Nullable
    TransferException replacement() {
        return replaced.get();
    }

    /** Runs what may block. */
    void run(Runnable task) {
        try {
            executor.execute(task);
        } catch (RejectedExecutionException e) {
            LOG.debug("the client is closed");
        }
    }

    /** Runs a task on the timer's thread, after a while. */
    Scheduler.@Nullable Scheduled later(Duration pause, Runnable task) {
        try {
            return scheduler.schedule(Deadline.after(pause, ticker), task);
        } catch (TransferException shuttingDown) {
            LOG.debug("the scheduler is closed");
            return null;
        }
    }
}
