package io.kvferry.control.cluster;

import io.kvferry.control.cluster.wire.ClusterProto.OrderAnswer;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Orders that one session has taken to its node and that the node has not answered.
 *
 * <p><b>Threads:</b> Thread-safe; answers complete without the lock.
 */
final class OutstandingOrders {
    private static final Logger LOG = LoggerFactory.getLogger(OutstandingOrders.class);
    private static final int MAX_OUTSTANDING = 64;

    private final Scheduler scheduler;

    private final Object lock = new Object();
    // both guarded by lock
    private final Map<String, CompletableFuture<OrderResult>> waiting = new HashMap<>();
    private boolean closed;

    OutstandingOrders(Scheduler scheduler) {
        this.scheduler = scheduler;
    }

    /** Waits for an answer until the deadline. Done at once if there are too many, or the session is lost. */
    CompletableFuture<OrderResult> add(String id, Deadline deadline) {
        CompletableFuture<OrderResult> answer = new CompletableFuture<>();
        synchronized (lock) {
            if (closed) {
                return CompletableFuture.failedFuture(lost());
            }
            waiting.values().removeIf(CompletableFuture::isDone);
            if (waiting.size() >= MAX_OUTSTANDING) {
                return CompletableFuture.failedFuture(ControllerContext.error(
                        TransferErrorCode.RESOURCE_EXHAUSTED,
                        "the node has " + MAX_OUTSTANDING + " orders that it has not answered"));
            }
            waiting.put(id, answer);
        }
        giveUpBy(deadline, id, answer);
        return answer;
    }

    /** Whoever asked has stopped waiting by then; the place of the order is free again. */
    private void giveUpBy(Deadline deadline, String id, CompletableFuture<OrderResult> answer) {
        try {
            Scheduler.Scheduled task = scheduler.schedule(deadline, () -> {
                synchronized (lock) {
                    waiting.remove(id, answer);
                }
            });
            var ignored = answer.whenComplete((_, _) -> task.cancel());
        } catch (TransferException shuttingDown) {
            LOG.debug("the controller is closing");
        }
    }

    void answered(OrderAnswer message) {
        CompletableFuture<OrderResult> answer;
        synchronized (lock) {
            answer = waiting.remove(WireDecoder.orderId(message.getId()));
        }
        // an answer that nobody waits for any more is late, not wrong
        if (answer != null) {
            answer.complete(WireDecoder.result(message.getResult()));
        }
    }

    void close() {
        List<CompletableFuture<OrderResult>> lost;
        synchronized (lock) {
            closed = true;
            lost = List.copyOf(waiting.values());
            waiting.clear();
        }
        lost.forEach(answer -> answer.completeExceptionally(lost()));
    }

    private static TransferException lost() {
        return ControllerContext.error(TransferErrorCode.CONTROL_FAILED, "the session of the node is lost");
    }
}
