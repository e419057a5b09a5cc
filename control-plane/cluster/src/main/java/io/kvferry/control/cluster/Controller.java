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
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
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

    private final String bindHost;
    private final @Nullable TimerThread timer;
    private final ControllerParts parts;
    private final AtomicBoolean closed = new AtomicBoolean();

    private Controller(BackendConfig config, Ticker ticker, Scheduler scheduler, @Nullable TimerThread timer) {
        this.bindHost = config.get(ControllerConfigKeys.BIND_HOST);
        this.timer = timer;
        this.parts = new ControllerParts(config, ticker, scheduler);
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
            controller.parts.start(controller);
            return controller;
        } catch (RuntimeException e) {
            CloseReport ignored = controller.close(controller.parts.context().in(CLOSE_TIME));
            throw e;
        }
    }

    /**
     * Returns where nodes reach this controller.
     *
     * @return the address it listens on
     */
    public PeerAddress address() {
        return new PeerAddress(bindHost, parts.port());
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
        return parts.registrar().connect(registration, link, deadline);
    }

    /**
     * Finds who holds the longest prefix of a chain.
     *
     * @param lookup what is looked for
     * @return who holds it; never null, a miss is an answer
     * @throws TransferException INVALID_REQUEST if the keys have another length than those of their scheme
     */
    public LookupAnswer lookup(Lookup lookup) {
        return parts.reader().lookup(lookup, isIndexComplete());
    }

    /**
     * Says why a look-up finds what it finds.
     *
     * @param lookup what is looked for; it is not counted as a look-up
     * @return the reason, with the first chunk that is missing
     */
    public Explanation explain(Lookup lookup) {
        return parts.reader().explain(lookup, isIndexComplete());
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
        return parts.orders().place(request, parts.membership(), deadline);
    }

    /**
     * Asks about an order.
     *
     * @param id its id
     * @return how far it is; empty if it is unknown, or was finished long ago
     */
    public Optional<OrderStatus> order(String id) {
        return parts.orders().find(id);
    }

    /**
     * Waits for an order without blocking.
     *
     * @param id its id
     * @return completes once it is finished; empty if it is unknown, or was finished long ago
     */
    public Optional<CompletableFuture<OrderStatus>> whenFinished(String id) {
        return Optional.ofNullable(parts.orders().whenFinished(id));
    }

    /**
     * Returns the orders that are known.
     *
     * @return those that are not finished first
     */
    public List<OrderStatus> orders() {
        return parts.orders().all();
    }

    /**
     * Returns the nodes that are not gone.
     *
     * @return ordered by id
     */
    public List<NodeView> nodes() {
        return parts.membership().views();
    }

    /**
     * Tells whether every node has told what it holds, so that a miss is one.
     *
     * @return false for a while after the start, and while a node syncs
     */
    public boolean isIndexComplete() {
        return parts.isIndexComplete();
    }

    /**
     * Tells whether this controller can do its work at this moment.
     *
     * @return false when the store does not answer, and after close
     */
    public boolean isReady() {
        return !closed.get() && parts.store().isAvailable();
    }

    /**
     * Returns the store, for what a front keeps beside what the controller keeps.
     *
     * @return the store; closed with the controller
     */
    public ClusterStore store() {
        return parts.store();
    }

    /**
     * Looks at everything at once.
     *
     * @return a snapshot
     */
    public ControllerView view() {
        ControllerContext context = parts.context();
        return new ControllerView(
                context.id(),
                address(),
                parts.storeName(),
                parts.store().isAvailable(),
                context.lease(),
                isIndexComplete(),
                parts.controllerIds(),
                nodes(),
                parts.chunks().chunks(),
                parts.chunks().pairs(),
                parts.chunks().bytes(),
                parts.orders().openOrders(),
                parts.pinCount(),
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
        return parts.context().events().subscribe(Math.max(1, capacity));
    }

    private void checkOpen() {
        if (closed.get()) {
            throw ControllerContext.error(TransferErrorCode.SHUTTING_DOWN, "the controller is closed");
        }
    }

    /** Closes within ten seconds. */
    @Override
    public void close() {
        CloseReport report = close(parts.context().in(CLOSE_TIME));
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
        List<String> abandoned = parts.close(deadline);
        if (timer != null) {
            timer.close();
        }
        LOG.debug(
                "controller {} is closed: {}",
                parts.context().id(),
                parts.context().counters().snapshot());
        return new CloseReport(abandoned);
    }
}
