package io.kvferry.control.cluster;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletionException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One order while this controller carries it out: who still has to answer.
 *
 * <p>Each node is on its own: one that does not answer has no part in what the others do, and gets its result when the
 * deadline passes.
 *
 * <p><b>Threads:</b> Thread-safe; links are called without the lock.
 */
final class OrderRun {
    private final String id;
    private final OrderRequest request;
    private final List<String> nodes;
    private final Deadline deadline;
    private final Consumer<OrderStatus> whenFinished;

    private final Object lock = new Object();
    // all guarded by lock
    private final Map<String, OrderResult> results = new HashMap<>();
    /** Nodes that have the order and have not answered. */
    private final Set<String> asked = new HashSet<>();

    private Scheduler.@Nullable Scheduled timer;
    private boolean finished;

    /** Makes it; nobody is asked yet. */
    OrderRun(
            String id,
            OrderRequest request,
            List<String> nodes,
            Deadline deadline,
            Consumer<OrderStatus> whenFinished) {
        this.id = id;
        this.request = request;
        this.nodes = nodes;
        this.deadline = deadline;
        this.whenFinished = whenFinished;
    }

    void start(Scheduler scheduler, Iterable<Member> members) {
        try {
            Scheduler.Scheduled scheduled = scheduler.schedule(deadline, this::timeOut);
            synchronized (lock) {
                timer = scheduled;
            }
        } catch (TransferException shuttingDown) {
            timeOut();
        }
        members.forEach(this::ask);
        failAbsent(members);
    }

    /** Nodes that left between the placing and now. */
    private void failAbsent(Iterable<Member> members) {
        Set<String> absent = new HashSet<>(nodes);
        members.forEach(member -> absent.remove(member.id()));
        absent.forEach(this::gone);
    }

    /** Asks a node, if the order is for it and it is not asked already. It waits for one that has no session now. */
    void ask(Member member) {
        String node = member.id();
        NodeSession session = member.session();
        synchronized (lock) {
            if (session == null || !nodes.contains(node) || results.containsKey(node) || !asked.add(node)) {
                return;
            }
        }
        session.link()
                .send(new NodeOrder(id, request.action()), deadline)
                .whenComplete((result, failure) -> answered(node, result, failure));
    }

    private void answered(String node, @Nullable OrderResult result, @Nullable Throwable failure) {
        if (result != null) {
            record(node, result);
            return;
        }
        Throwable cause =
                failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
        if (cause instanceof TransferException refusal && refusal.code() != TransferErrorCode.CONTROL_FAILED) {
            record(node, OrderResult.failed(refusal.code(), refusal.error().detail()));
            return;
        }
        // the session is lost, the node perhaps not: it is asked again once it has another one
        synchronized (lock) {
            asked.remove(node);
        }
    }

    void gone(String node) {
        if (nodes.contains(node)) {
            record(node, OrderResult.failed(TransferErrorCode.PEER_LOST, "the node went before it answered"));
        }
    }

    private void timeOut() {
        for (String node : nodes) {
            boolean wasAsked;
            synchronized (lock) {
                wasAsked = asked.contains(node);
            }
            record(
                    node,
                    OrderResult.failed(
                            TransferErrorCode.DEADLINE_EXCEEDED,
                            wasAsked
                                    ? "the node has the order and did not answer in time"
                                    : "the node could not be reached in time"));
        }
    }

    private void record(String node, OrderResult result) {
        Scheduler.Scheduled toCancel;
        synchronized (lock) {
            if (finished || results.putIfAbsent(node, result) != null || results.size() < nodes.size()) {
                return;
            }
            finished = true;
            toCancel = timer;
        }
        if (toCancel != null) {
            toCancel.cancel();
        }
        whenFinished.accept(status());
    }

    OrderStatus status() {
        synchronized (lock) {
            return new OrderStatus(id, request, nodes, results);
        }
    }
}
