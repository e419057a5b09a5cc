package io.kvferry.control.cluster;

import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a controller is made of: built in one order, closed in the other.
 *
 * <p><b>Threads:</b> Thread-safe; {@link #start} and {@link #close} are each called once, and block.
 */
final class ControllerParts {
    private static final Logger LOG = LoggerFactory.getLogger(ControllerParts.class);

    private final BackendConfig config;
    private final ControllerContext context;
    private final ClusterStore store;
    private final ExecutorService blocking;
    private final ChunkIndex chunks;
    private final Membership membership;
    private final Registrar registrar;
    private final Pins pins;
    private final Orders orders;
    private final Controllers controllers;
    private final Upkeep upkeep;
    private final IndexReader reader;
    /** Until when nodes that this controller does not know may still come back. */
    private final Deadline graceEnd;

    private volatile @Nullable ControllerServer server;

    /**
     * Opens the store and builds what stands on it; nobody hears of it yet.
     *
     * @throws TransferException if the store cannot be opened; names the key to change
     */
    ControllerParts(BackendConfig config, Ticker ticker, Scheduler scheduler) {
        this.config = config;
        this.context = new ControllerContext(
                TransferId.random().toString(),
                ticker,
                scheduler,
                config.get(ControllerConfigKeys.LEASE),
                new Events(),
                new Counter.Counters());
        this.store = ClusterStores.open(config, ticker, scheduler);
        this.blocking = Executors.newThreadPerTaskExecutor(
                Thread.ofVirtual().name("kvferry-controller-", 0).factory());
        this.chunks = new ChunkIndex(blocking);
        this.pins = new Pins(context, store);
        this.orders = new Orders(
                context,
                store,
                pins,
                blocking,
                config.get(ControllerConfigKeys.MAX_OPEN_ORDERS),
                config.get(ControllerConfigKeys.MAX_FINISHED_ORDERS),
                config.get(ControllerConfigKeys.ORDER_RETENTION));
        this.membership = new Membership(context, store, chunks, orders);
        this.registrar = new Registrar(context, store, membership, config.get(ControllerConfigKeys.MAX_NODES));
        this.controllers = new Controllers(context, store, this::adoptOrders);
        this.upkeep = new Upkeep(context, store, membership, controllers, blocking, this::storeDeadline);
        this.reader = new IndexReader(chunks, membership, context.counters());
        // a store that forgets does not know who was there before; whoever lives comes back within its lease
        this.graceEnd = context.in(store.isDurable() ? Duration.ZERO : context.lease());
    }

    /** Follows the store, and lets nodes in. */
    void start(Controller controller) {
        Deadline deadline = storeDeadline();
        store.watch(Pins.PREFIX, pins, deadline);
        store.watch(Membership.PREFIX, membership, deadline);
        store.watch(Orders.PREFIX, orders, deadline);
        store.watch(Controllers.PREFIX, controllers, deadline);
        if (store.isShared()) {
            controllers.register(deadline);
        }
        adoptOrders();
        server = ControllerServer.start(controller, config, context, blocking);
        upkeep.run();
        LOG.info("controller {} listens on {} with store {}", context.id(), controller.address(), storeName());
    }

    private void adoptOrders() {
        orders.adopt(controllers::isThere, membership);
    }

    private Deadline storeDeadline() {
        return context.in(config.get(ControllerConfigKeys.STORE_TIMEOUT));
    }

    ControllerContext context() {
        return context;
    }

    ClusterStore store() {
        return store;
    }

    String storeName() {
        return config.get(ControllerConfigKeys.STORE);
    }

    ChunkIndex chunks() {
        return chunks;
    }

    Membership membership() {
        return membership;
    }

    Registrar registrar() {
        return registrar;
    }

    Orders orders() {
        return orders;
    }

    int pinCount() {
        return pins.count();
    }

    IndexReader reader() {
        return reader;
    }

    /** Ids of the controllers that share the store. */
    List<String> controllerIds() {
        return store.isShared() ? controllers.ids() : List.of(context.id());
    }

    /** Where it listens; 0 while it does not. */
    int port() {
        ControllerServer listening = server;
        return listening == null ? 0 : listening.port();
    }

    boolean isIndexComplete() {
        return graceEnd.isExpired() && membership.allSynced();
    }

    /** Ends all sessions and closes the store. Returns what was left behind. */
    List<String> close(Deadline deadline) {
        List<String> abandoned = new ArrayList<>();
        upkeep.close();
        membership.close();
        context.events().close();
        ControllerServer listening = server;
        if (listening != null && !listening.close(deadline)) {
            abandoned.add("calls that did not end");
        }
        if (store.isShared()) {
            controllers.deregister(deadline);
        }
        blocking.shutdownNow();
        if (!awaitBlocking(deadline)) {
            abandoned.add("tasks that wait for the store");
        }
        store.close(deadline);
        return abandoned;
    }

    private boolean awaitBlocking(Deadline deadline) {
        try {
            return blocking.awaitTermination(Math.max(0, deadline.remainingNanos()), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}
