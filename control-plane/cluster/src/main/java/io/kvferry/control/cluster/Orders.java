package io.kvferry.control.cluster;

import com.google.protobuf.InvalidProtocolBufferException;
import io.kvferry.control.cluster.ControllerEvent.Kind;
import io.kvferry.control.cluster.wire.StoreProto;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Orders for nodes: taken, stored, carried out, and known for a while after they are finished.
 *
 * <p>The controller that takes an order owns it. If that one is lost another one takes the order over and asks all its nodes
 * again; a node that has answered before answers the same.
 *
 * <p><b>Threads:</b> Thread-safe. What waits for the store runs on the given executor; {@link #place} waits itself.
 */
final class Orders implements MemberListener, StoreListener {
    /** Prefix of the store's keys. */
    static final String PREFIX = "orders/";

    private static final Logger LOG = LoggerFactory.getLogger(Orders.class);
    static final Duration STORE_TIMEOUT = Duration.ofSeconds(30);

    private final ControllerContext context;
    private final ClusterStore store;
    private final Executor blocking;
    private final int maxOpen;

    private final Map<String, KnownOrder> known = new ConcurrentHashMap<>();
    private final Map<String, OrderRun> running = new ConcurrentHashMap<>();
    /** Own orders on their way to the store. */
    private final Set<String> placing = ConcurrentHashMap.newKeySet();

    private final AtomicInteger open = new AtomicInteger();
    private final OrderArchive archive;

    Orders(
            ControllerContext context,
            ClusterStore store,
            Pins pins,
            Executor blocking,
            int maxOpen,
            int maxFinished,
            Duration retention) {
        this.context = context;
        this.store = store;
        this.blocking = blocking;
        this.maxOpen = maxOpen;
        this.archive = new OrderArchive(context, store, pins, this::later, maxFinished, retention);
    }

    /** Takes an order: it is stored when this returns, and on its way. */
    OrderStatus place(OrderRequest request, Membership membership, Deadline deadline) {
        OrderRequest resolved = OrderTargets.resolve(request, membership);
        List<String> nodes = OrderTargets.of(resolved, membership);
        if (open.incrementAndGet() > maxOpen) {
            open.decrementAndGet();
            throw ControllerContext.error(
                    TransferErrorCode.RESOURCE_EXHAUSTED,
                    "orders that are not finished=" + maxOpen + " = kvferry.controller.max-open-orders");
        }
        OrderStatus status = new OrderStatus(TransferId.random().toString(), resolved, nodes, Map.of());
        long nanos = resolved.timeout().toNanos();
        placing.add(status.id());
        try {
            OptionalLong revision = store.replace(
                    PREFIX + status.id(),
                    OrderArchive.encode(status, context.id(), nanos),
                    ClusterStore.NO_LEASE,
                    0,
                    deadline);
            known.put(status.id(), new KnownOrder(status, context.id(), revision.orElse(0), nanos));
        } catch (TransferException e) {
            open.decrementAndGet();
            // it may have been stored all the same; whoever placed it was told that it is not placed
            later(() -> withdraw(status.id()));
            throw e;
        } finally {
            placing.remove(status.id());
        }
        context.counters().increment(Counter.ORDERS);
        context.events()
                .publish(
                        Kind.ORDER_ACCEPTED,
                        status.id(),
                        status.request().action().name());
        run(status, nanos, membership.members());
        return status;
    }

    /** Takes an order that nobody knows of out of the store, so that no controller carries it out some day. */
    private void withdraw(String id) {
        Deadline deadline = context.in(STORE_TIMEOUT);
        store.get(PREFIX + id, deadline).ifPresent(entry -> store.remove(entry.key(), entry.revision(), deadline));
    }

    private void run(OrderStatus status, long nanos, Collection<Member> members) {
        OrderRun run = new OrderRun(
                status.id(),
                status.request(),
                status.nodes(),
                Deadline.afterNanos(nanos, context.ticker()),
                done -> later(() -> finish(done)));
        running.put(status.id(), run);
        run.start(context.scheduler(), List.copyOf(members));
    }

    /** Stores how it went, for as long as it is kept. */
    private void finish(OrderStatus status) {
        KnownOrder order = known.get(status.id());
        boolean own = order != null && order.owner.equals(context.id());
        if (order != null && own) {
            // before the run is forgotten, so that whoever asks in between sees no older state
            order.status = status;
        }
        running.remove(status.id());
        open.decrementAndGet();
        long failures = status.results().values().stream()
                .filter(result -> !result.isDone())
                .count();
        context.counters().add(Counter.ORDER_FAILURES, failures);
        if (order == null || !own) {
            // another controller has taken it over
            return;
        }
        order.whenFinished.complete(status);
        context.events()
                .publish(
                        Kind.ORDER_FINISHED,
                        status.id(),
                        status.request().action().name() + ", " + failures + " of "
                                + status.nodes().size() + " nodes failed");
        archive.keep(order, status);
    }

    /** Takes over what belongs to controllers that are not there. */
    void adopt(Predicate<String> isThere, Membership membership) {
        for (KnownOrder order : known.values()) {
            if (!order.status.isFinished() && !isThere.test(order.owner)) {
                later(() -> adopt(order, membership));
            }
        }
    }

    private void adopt(KnownOrder order, Membership membership) {
        OrderStatus status = order.status;
        OptionalLong revision = store.replace(
                PREFIX + status.id(),
                OrderArchive.encode(status, context.id(), order.remainingNanos),
                ClusterStore.NO_LEASE,
                order.revision,
                context.in(STORE_TIMEOUT));
        if (revision.isEmpty()) {
            return;
        }
        order.owner = context.id();
        order.revision = revision.getAsLong();
        open.incrementAndGet();
        context.counters().increment(Counter.ORDERS_ADOPTED);
        context.events()
                .publish(
                        Kind.ORDER_ADOPTED,
                        status.id(),
                        status.request().action().name());
        run(status, order.remainingNanos, membership.members());
    }

    private void later(Runnable task) {
        try {
            blocking.execute(() -> {
                try {
                    task.run();
                } catch (TransferException e) {
                    LOG.warn("an order could not be stored: {}", e.getMessage());
                }
            });
        } catch (RejectedExecutionException closed) {
            LOG.debug("the controller is closed; the store has the order");
        }
    }

    @Override
    public void attached(Member member) {
        running.values().forEach(run -> run.ask(member));
    }

    @Override
    public void gone(Member member) {
        running.values().forEach(run -> run.gone(member.id()));
    }

    @Override
    public void written(StoreEntry entry) {
        StoreProto.StoredOrder stored;
        OrderStatus status;
        try {
            stored = StoreProto.StoredOrder.parseFrom(entry.value());
            status = WireDecoder.status(stored.getStatus());
        } catch (InvalidProtocolBufferException | TransferException e) {
            context.counters().increment(Counter.STORE_ENTRIES_IGNORED);
            LOG.warn("ignored an entry of the store that is no order: {}", entry, e);
            return;
        }
        if (stored.getOwner().equals(context.id())) {
            KnownOrder own = known.get(status.id());
            if (own != null) {
                own.revision = Math.max(own.revision, entry.revision());
            } else if (!placing.contains(status.id())) {
                later(() -> withdraw(status.id()));
            }
            return;
        }
        KnownOrder order = known.computeIfAbsent(
                status.id(),
                _ -> new KnownOrder(status, stored.getOwner(), entry.revision(), stored.getRemainingNanos()));
        order.status = status;
        order.owner = stored.getOwner();
        order.revision = entry.revision();
        order.remainingNanos = stored.getRemainingNanos();
        running.remove(status.id());
        if (status.isFinished()) {
            order.whenFinished.complete(status);
        }
    }

    @Override
    public void removed(String key, long revision) {
        known.remove(key.substring(PREFIX.length()));
    }

    Optional<OrderStatus> find(String id) {
        OrderRun run = running.get(id);
        if (run != null) {
            return Optional.of(run.status());
        }
        KnownOrder order = known.get(id);
        return order == null ? Optional.empty() : Optional.of(order.status);
    }

    /** Completes when the order is finished; null if it is unknown. */
    @Nullable
    CompletableFuture<OrderStatus> whenFinished(String id) {
        KnownOrder order = known.get(id);
        return order == null ? null : order.whenFinished.copy();
    }

    List<OrderStatus> all() {
        List<OrderStatus> all = new ArrayList<>();
        known.keySet().forEach(id -> find(id).ifPresent(all::add));
        all.sort(Comparator.comparing(OrderStatus::isFinished).thenComparing(OrderStatus::id));
        return all;
    }

    int openOrders() {
        return open.get();
    }
}
