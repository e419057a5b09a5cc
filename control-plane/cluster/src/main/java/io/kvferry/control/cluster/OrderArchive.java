package io.kvferry.control.cluster;

import io.kvferry.control.cluster.wire.StoreProto;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.OptionalLong;
import java.util.Queue;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps own orders that are finished for a while, in the store, so that every controller can be asked about them.
 *
 * <p><b>Threads:</b> Thread-safe; {@link #keep} waits for the store.
 */
final class OrderArchive {
    private static final Logger LOG = LoggerFactory.getLogger(OrderArchive.class);
    private static final Duration PAUSE = Duration.ofSeconds(5);

    private final ControllerContext context;
    private final ClusterStore store;
    private final Pins pins;
    private final Consumer<Runnable> later;
    private final int maxFinished;
    private final Duration retention;

    private final Object lock = new Object();
    /** Oldest first. Guarded by lock. */
    private final Queue<KnownOrder> finished = new ArrayDeque<>();

    /**
     * Makes an archive.
     *
     * @param later runs what waits for the store
     */
    OrderArchive(
            ControllerContext context,
            ClusterStore store,
            Pins pins,
            Consumer<Runnable> later,
            int maxFinished,
            Duration retention) {
        this.context = context;
        this.store = store;
        this.pins = pins;
        this.later = later;
        this.maxFinished = maxFinished;
        this.retention = retention;
    }

    /** Stores how an order went, again and again until that has worked: another controller would ask its nodes again. */
    void keep(KnownOrder order, OrderStatus status) {
        Deadline deadline = context.in(Orders.STORE_TIMEOUT);
        try {
            long lease = store.grant(retention, deadline);
            OptionalLong revision = store.replace(
                    Orders.PREFIX + status.id(), encode(status, context.id(), 0), lease, order.revision, deadline);
            if (revision.isPresent()) {
                order.revision = revision.getAsLong();
            } else {
                LOG.info("order {} was taken over by another controller", status.id());
            }
            pins.follow(status, deadline);
            forgetOldest(order, deadline);
        } catch (TransferException e) {
            LOG.warn("order {} is finished, but that could not be stored yet: {}", status.id(), e.getMessage());
            if (e.code() != TransferErrorCode.SHUTTING_DOWN) {
                context.scheduler().schedule(context.in(PAUSE), () -> later.accept(() -> keep(order, status)));
            }
        }
    }

    private void forgetOldest(KnownOrder order, Deadline deadline) {
        KnownOrder oldest = null;
        synchronized (lock) {
            finished.add(order);
            if (finished.size() > maxFinished) {
                oldest = finished.poll();
            }
        }
        if (oldest != null) {
            store.remove(Orders.PREFIX + oldest.status.id(), oldest.revision, deadline);
        }
    }

    static byte[] encode(OrderStatus status, String owner, long remainingNanos) {
        return StoreProto.StoredOrder.newBuilder()
                .setStatus(WireEncoder.order(status))
                .setOwner(owner)
                .setRemainingNanos(remainingNanos)
                .build()
                .toByteArray();
    }
}
