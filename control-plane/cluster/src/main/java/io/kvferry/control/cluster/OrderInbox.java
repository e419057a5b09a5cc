package io.kvferry.control.cluster;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Carries out what controllers order, each order once, whichever and however many controllers send it.
 *
 * <p><b>Threads:</b> Thread-safe; the handler runs on the given executor, which may block.
 */
final class OrderInbox {
    private static final Logger LOG = LoggerFactory.getLogger(OrderInbox.class);
    private static final int MAX_RUNNING = 64;
    private static final int MAX_REMEMBERED = 1024;

    private final OrderHandler handler;
    private final Executor executor;
    private final Semaphore free = new Semaphore(MAX_RUNNING);

    private final Object lock = new Object();
    /** By order id. Guarded by lock. */
    private final Map<String, CompletableFuture<OrderResult>> answers = new LinkedHashMap<>();

    OrderInbox(OrderHandler handler, Executor executor) {
        this.handler = handler;
        this.executor = executor;
    }

    /** Carries an order out, or finds what was answered before. */
    CompletableFuture<OrderResult> answer(NodeOrder order, Deadline deadline) {
        CompletableFuture<OrderResult> answer = new CompletableFuture<>();
        synchronized (lock) {
            CompletableFuture<OrderResult> known = answers.get(order.id());
            if (known != null) {
                return known;
            }
            if (!free.tryAcquire()) {
                return CompletableFuture.completedFuture(OrderResult.failed(
                        TransferErrorCode.RESOURCE_EXHAUSTED, MAX_RUNNING + " orders are under way at this node"));
            }
            answers.put(order.id(), answer);
            if (answers.size() > MAX_REMEMBERED) {
                answers.remove(answers.keySet().iterator().next());
            }
        }
        try {
            executor.execute(() -> {
                OrderResult result = handle(order, deadline);
                free.release();
                answer.complete(result);
            });
        } catch (RejectedExecutionException e) {
            free.release();
            answer.complete(OrderResult.failed(TransferErrorCode.SHUTTING_DOWN, "the node is closing"));
        }
        return answer;
    }

    private OrderResult handle(NodeOrder order, Deadline deadline) {
        try {
            @Nullable OrderResult result = handler.handle(order, deadline);
            return result != null
                    ? result
                    : OrderResult.failed(TransferErrorCode.INTERNAL, "the node's handler gave no result");
        } catch (TransferException e) {
            return OrderResult.failed(e.code(), e.error().detail());
        } catch (RuntimeException | Error e) {
            LOG.error("carrying out {} failed", order, e);
            return OrderResult.failed(TransferErrorCode.INTERNAL, "the node failed to do it; its log says why: " + e);
        }
    }
}
