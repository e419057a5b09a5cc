package io.kvferry.control.lmcache;

import io.kvferry.control.cluster.OrderResult;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.TransferErrorCode;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** What was asked of workers lately, for whoever asks how it went. Thread-safe. */
final class Operations {
    private static final int MAX_KNOWN = 10_000;

    private final Map<String, Operation> known = new LinkedHashMap<>();

    /** What was asked of several nodes, each of which has its own result. */
    record Operation(String id, Map<String, CompletableFuture<OrderResult>> parts) {
        boolean isFinished() {
            return parts.values().stream().allMatch(CompletableFuture::isDone);
        }

        /** Results by node, of those that have one. */
        Map<String, OrderResult> results() {
            Map<String, OrderResult> results = new TreeMap<>();
            parts.forEach((node, part) -> {
                if (part.isDone()) {
                    results.put(node, part.join());
                }
            });
            return results;
        }

        /** Waits for all results; one that does not come in time is a failure in the answer, and may still come. */
        Map<String, OrderResult> await(Deadline deadline) {
            Map<String, OrderResult> results = new TreeMap<>();
            parts.forEach((node, part) -> results.put(node, await(part, deadline)));
            return results;
        }

        private OrderResult await(CompletableFuture<OrderResult> part, Deadline deadline) {
            try {
                return part.get(Math.max(0, deadline.remainingNanos()), TimeUnit.NANOSECONDS);
            } catch (TimeoutException e) {
                return OrderResult.failed(
                        TransferErrorCode.DEADLINE_EXCEEDED, "no answer yet; ask check_finish for " + id);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return OrderResult.failed(TransferErrorCode.SHUTTING_DOWN, "interrupted");
            } catch (ExecutionException e) {
                return OrderResult.failed(TransferErrorCode.INTERNAL, String.valueOf(e.getCause()));
            }
        }
    }

    /** Remembers an operation; the oldest is forgotten when there are too many. */
    Operation add(String id, Map<String, CompletableFuture<OrderResult>> parts) {
        Operation operation = new Operation(id, Map.copyOf(parts));
        synchronized (known) {
            known.put(id, operation);
            if (known.size() > MAX_KNOWN) {
                known.remove(known.keySet().iterator().next());
            }
        }
        return operation;
    }

    Optional<Operation> find(String id) {
        synchronized (known) {
            return Optional.ofNullable(known.get(id));
        }
    }
}
