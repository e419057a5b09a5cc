package io.kvferry.control.cluster;

import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.CloseReport;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The controller of a cluster: knows who is alive and who holds which chunk, and hands orders to nodes.
 *
 * <p><b>Life cycle:</b> {@link #open} returns a controller that serves nodes over gRPC; {@link #close} ends all sessions and
 * closes the store. Nodes come back to another controller, or to this one's successor.
 *
 * <p><b>Threads:</b> Thread-safe. Only calls with a deadline block.
 *
 * <p><b>Failure:</b> {@link TransferException}. RESOURCE_EXHAUSTED past a bound, SHUTTING_DOWN after close.
 *
 * @since 0.1.0
 */
public final class Controller implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Controller.class);
    private static final Duration CLOSE_TIME = Duration.ofSeconds(10);

    private final BackendConfig config;
    private final ControllerContext context;
    private final ClusterStore store;
    private final ExecutorService blocking;
    private final @Nullable TimerThread timer;
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

    private final AtomicBoolean closed = new AtomicBoolean();
    private volatile @Nullable ControllerServer server;

    private Controller(BackendConfig config, Ticker ticker, Scheduler scheduler, @Nullable TimerThread timer) {
        this.config = config;
        this.timer = timer;
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

    /**
     * Returns every key that {@link #open} reads: the controller's own and those of all stores on the class path.
     *
     * @return the keys, to be read and checked with others
     */
    public static Set<ConfigKey<?>> configKeys() {
        Set<ConfigKey<?>> keys = new LinkedHashSet<>(ControllerConfigKeys.all());
        ClusterStores.providers().forEach(provider -> keys.addAll(provider.configKeys()));
        return keys;
    }

    /**
     * Opens a controller on the machine's clock.
     *
     * @param config values for {@link #configKeys}
     * @return a controller that serves nodes
     * @throws TransferException if the store or the port cannot be opened; names the key to change
     */
    public static Controller open(BackendConfig config) {
        TimerThread timer = new TimerThread("kvferry-controller-timer");
        return open(config, Ticker.system(), timer, timer);
    }

    /**
     * Opens a controller on another clock.
     *
     * @param config values for {@link #configKeys}
     * @param ticker the clock; there is no other
     * @param scheduler runs things when deadlines of that clock pass; not closed with the controller
     * @return a controller that serves nodes
     * @throws TransferException if the store or the port cannot be opened; names the key to change
     */
    public static Controller open(BackendConfig config, Ticker ticker, Scheduler scheduler) {
        return open(config, ticker, scheduler, null);
    }

    private static Controller open(
            BackendConfig config, Ticker ticker, Scheduler scheduler, @Nullable TimerThread timer) {
        Controller controller;
        try {
            controller = new Controller(config, ticker, scheduler, timer);
        } catch (RuntimeException e) {
            if (timer != null) {
                timer.close();
            }
            throw e;
        }
        try {
            controller.start();
            return controller;
        } catch (RuntimeException e) {
            CloseReport ignored = controller.close(controller.context.in(CLOSE_TIME));
            throw e;
        }
    }

    private void start() {
        Deadline deadline = storeDeadline();
        store.watch(Pins.PREFIX, pins, deadline);
        store.watch(Membership.PREFIX, membership, deadline);
        store.watch(Orders.PREFIX, orders, deadline);
        store.watch(Controllers.PREFIX, controllers, deadline);
        if (store.isShared()) {
            controllers.register(deadline);
        }
        adoptOrders();
        server = ControllerServer.start(this, config, context, blocking);
        upkeep.run();
        LOG.info("controller {} listens on {} with store {}", context.id(), address(), storeName());
    }

    private void adoptOrders() {
        orders.adopt(controllers::isThere, membership);
    }

    /**
     * Returns where nodes reach this controller.
     *
     * @return the address it listens on
     */
    public PeerAddress address() {
        ControllerServer listening = server;
        return new PeerAddress(config.get(ControllerConfigKeys.BIND_HOST), listening == null ? 0 : listening.port());
    }

    /**
     * Registers a node, for the front through which it came. A process that is registered already gets another session, and
     * its old one ends; an older process of its id is replaced at once.
     *
     * @param registration who it is
     * @param link how orders reach it
     * @param deadline until when to wait for the store
     * @return its session; the front calls {@link NodeSession#takeOrders} once the node knows
     * @throws TransferException INCOMPATIBLE_PEER if its key scheme means something else at other nodes
     */
    public NodeSession connect(NodeRegistration registration, NodeLink link, Deadline deadline) {
        checkOpen();
        return registrar.connect(registration, link, deadline);
    }

    /**
     * Finds who holds the longest prefix of a chain.
     *
     * @param lookup what is looked for
     * @return who holds it; never null, a miss is an answer
     * @throws TransferException INVALID_REQUEST if the keys have another length than those of their scheme
     */
    public LookupAnswer lookup(Lookup lookup) {
        return reader.lookup(lookup, isIndexComplete());
    }

    /**
     * Says why a look-up finds what it finds.
     *
     * @param lookup what is looked for; it is not counted as a look-up
     * @return the reason, with the first chunk that is missing
     */
    public Explanation explain(Lookup lookup) {
        return reader.explain(lookup, isIndexComplete());
    }

    /**
     * Takes an order. It is stored when this returns; who wants to know how it goes asks for its id.
     *
     * @param request what to do, where, in what time
     * @param deadline until when to wait for the store
     * @return the order with its id
     * @throws TransferException NOT_FOUND if a node is not registered
     */
    public OrderStatus order(OrderRequest request, Deadline deadline) {
        checkOpen();
        return orders.place(request, membership, deadline);
    }

    /**
     * Asks about an order.
     *
     * @param id its id
     * @return how far it is; empty if it is unknown, or was finished long ago
     */
    public Optional<OrderStatus> order(String id) {
        return orders.find(id);
    }

    /**
     * Waits for an order without blocking.
     *
     * @param id its id
     * @return completes once it is finished; empty if it is unknown, or was finished long ago
     */
    public Optional<CompletableFuture<OrderStatus>> whenFinished(String id) {
        return Optional.ofNullable(orders.whenFinished(id));
    }

    /**
     * Returns the orders that are known.
     *
     * @return those that are not finished first
     */
    public List<OrderStatus> orders() {
        return orders.all();
    }

    /**
     * Returns the nodes that are not gone.
     *
     * @return ordered by id
     */
    public List<NodeView> nodes() {
        return membership.views();
    }

    /**
     * Tells whether every node has told what it holds, so that a miss is one.
     *
     * @return false for a while after the start, and while a node syncs
     */
    public boolean isIndexComplete() {
        return graceEnd.isExpired() && membership.allSynced();
    }

    /**
     * Tells whether this controller can do its work at this moment.
     *
     * @return false when the store does not answer, and after close
     */
    public boolean isReady() {
        return !closed.get() && store.isAvailable();
    }

    /**
     * Returns the store, for what a front keeps beside what the controller keeps.
     *
     * @return the store; closed with the controller
     */
    public ClusterStore store() {
        return store;
    }

    /**
     * Looks at everything at once.
     *
     * @return a snapshot
     */
    public ControllerView view() {
        return new ControllerView(
                context.id(),
                address(),
                storeName(),
                store.isAvailable(),
                context.lease(),
                isIndexComplete(),
                store.isShared() ? controllers.ids() : List.of(context.id()),
                nodes(),
                chunks.chunks(),
                chunks.pairs(),
                chunks.bytes(),
                orders.openOrders(),
                pins.count(),
                context.counters().snapshot());
    }

    /**
     * Listens to what happens from now on.
     *
     * @param capacity how many events may wait to be taken, from 1; older ones are dropped and counted
     * @return the subscription, to be closed
     * @throws TransferException RESOURCE_EXHAUSTED past 256 subscriptions
     */
    public EventSubscription subscribe(int capacity) {
        checkOpen();
        return context.events().subscribe(Math.max(1, capacity));
    }

    private String storeName() {
        return config.get(ControllerConfigKeys.STORE);
    }

    private Deadline storeDeadline() {
        return context.in(config.get(ControllerConfigKeys.STORE_TIMEOUT));
    }

    private void checkOpen() {
        if (closed.get()) {
            throw ControllerContext.error(TransferErrorCode.SHUTTING_DOWN, "the controller is closed");
        }
    }

    /** Closes within ten seconds. */
    @Override
    public void close() {
        CloseReport report = close(context.in(CLOSE_TIME));
        if (!report.isClean()) {
            LOG.warn("close() left behind: {}", report.abandoned());
        }
    }

    /**
     * Ends all sessions and closes the store. No node is deregistered: their leases run on. Idempotent.
     *
     * @param deadline until when to wait
     * @return what was left behind
     */
    public CloseReport close(Deadline deadline) {
        if (!closed.compareAndSet(false, true)) {
            return CloseReport.CLEAN;
        }
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
        if (timer != null) {
            timer.close();
        }
        LOG.debug(
                "controller {} is closed: {}", context.id(), context.counters().snapshot());
        return new CloseReport(abandoned);
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
