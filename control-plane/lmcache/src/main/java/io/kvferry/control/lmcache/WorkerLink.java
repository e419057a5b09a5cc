package io.kvferry.control.lmcache;

import io.kvferry.control.cluster.NodeLink;
import io.kvferry.control.cluster.NodeOrder;
import io.kvferry.control.cluster.OrderAction;
import io.kvferry.control.cluster.OrderResult;
import io.kvferry.control.cluster.Tier;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.TransferErrorCode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Orders of the cluster in the words of a worker. What LMCache cannot do by chunk keys, since it thinks in tokens, is
 * UNSUPPORTED and says so. Thread-safe.
 */
final class WorkerLink implements NodeLink {
    private static final Logger LOG = LoggerFactory.getLogger(WorkerLink.class);

    private final Worker worker;
    private final Consumer<Worker> onEnd;

    WorkerLink(Worker worker, Consumer<Worker> onEnd) {
        this.worker = worker;
        this.onEnd = onEnd;
    }

    @Override
    public CompletionStage<OrderResult> send(NodeOrder order, Deadline deadline) {
        return switch (order.action()) {
            case OrderAction.Clear clear -> clear(order.id(), clear.tier(), deadline);
            case OrderAction.Health _ ->
                worker.ask(Message.of(MessageType.HEALTH_WORKER, order.id()), deadline)
                        .thenApply(WorkerLink::health);
            case OrderAction.QueryNode _ ->
                CompletableFuture.completedFuture(new OrderResult(
                        TransferErrorCode.OK,
                        0,
                        "an LMCache worker",
                        Map.of(
                                "instance_id",
                                worker.id().instance(),
                                "worker_id",
                                String.valueOf(worker.id().worker()))));
            case OrderAction.Pin _, OrderAction.Unpin _, OrderAction.Move _ ->
                CompletableFuture.completedFuture(OrderResult.failed(
                        TransferErrorCode.UNSUPPORTED,
                        "LMCache workers take tokens for " + order.action().name()
                                + ", not chunk keys; use the paths of LMCache's own HTTP interface"));
        };
    }

    private CompletionStage<OrderResult> clear(String id, Optional<Tier> tier, Deadline deadline) {
        List<CompletableFuture<Message>> answers = new ArrayList<>();
        for (String location : worker.holdings().locations()) {
            if (tier.isEmpty() || Locations.tier(location) == tier.get()) {
                answers.add(worker.ask(Message.of(MessageType.CLEAR_WORKER, id, location), deadline));
            }
        }
        return CompletableFuture.allOf(answers.toArray(CompletableFuture[]::new))
                .thenApply(_ -> {
                    long tokens = answers.stream()
                            .map(answer -> answer.join().values().get("num_tokens"))
                            .mapToLong(count -> count instanceof Long number ? number : 0)
                            .sum();
                    return new OrderResult(
                            TransferErrorCode.OK,
                            0,
                            "cleared " + tokens + " tokens",
                            Map.of("num_tokens", "" + tokens));
                });
    }

    private static OrderResult health(Message answer) {
        Object code = answer.values().get("error_code");
        return Long.valueOf(0).equals(code)
                ? OrderResult.done(0)
                : OrderResult.failed(TransferErrorCode.TRANSFER_FAILED, "the worker says error_code=" + code);
    }

    @Override
    public void requestSync(String reason) {
        LOG.debug("{}: the index wants to hear all again: {}", worker.id(), reason);
        worker.holdings().wantSync();
    }

    @Override
    public void end(TransferErrorCode code, String detail) {
        onEnd.accept(worker);
        LOG.info("worker {} is no member any more, {}: {}", worker.id(), code, detail);
    }
}
