package io.kvferry.control.cluster;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.TransferException;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks again and again after what time changes: nodes that became silent, and this controller's own entry in a store that
 * it shares.
 *
 * <p><b>Threads:</b> runs on the timer's thread; what waits for the store on the given executor.
 */
final class Upkeep {
    private static final Logger LOG = LoggerFactory.getLogger(Upkeep.class);
    private static final int TICKS_PER_LEASE = 20;

    private final ControllerContext context;
    private final ClusterStore store;
    private final Membership membership;
    private final Controllers controllers;
    private final Executor blocking;
    private final Supplier<Deadline> storeDeadline;
    private volatile boolean closed;

    Upkeep(
            ControllerContext context,
            ClusterStore store,
            Membership membership,
            Controllers controllers,
            Executor blocking,
            Supplier<Deadline> storeDeadline) {
        this.context = context;
        this.store = store;
        this.membership = membership;
        this.controllers = controllers;
        this.blocking = blocking;
        this.storeDeadline = storeDeadline;
    }

    void run() {
        if (closed) {
            return;
        }
        membership.reap();
        try {
            if (store.isShared()) {
                blocking.execute(this::keepRegistered);
            }
            context.scheduler().schedule(context.in(context.lease().dividedBy(TICKS_PER_LEASE)), this::run);
        } catch (RejectedExecutionException | TransferException shuttingDown) {
            LOG.debug("the controller is closing");
        }
    }

    private void keepRegistered() {
        try {
            controllers.renew();
            if (!controllers.isRegistered() && !closed) {
                controllers.register(storeDeadline.get());
            }
        } catch (TransferException e) {
            LOG.warn("the store does not know this controller, and cannot be told: {}", e.getMessage());
        }
    }

    void close() {
        closed = true;
    }
}
