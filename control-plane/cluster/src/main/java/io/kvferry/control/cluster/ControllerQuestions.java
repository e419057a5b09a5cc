package io.kvferry.control.cluster;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import io.grpc.MethodDescriptor;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks controllers, those that work first, until one of them knows.
 *
 * <p><b>Threads:</b> Thread-safe; questions block until their deadline.
 */
final class ControllerQuestions {
    private static final Logger LOG = LoggerFactory.getLogger(ControllerQuestions.class);
    /** gRPC ends a call by itself; this is for a clock that does not. */
    private static final Duration BEYOND = Duration.ofSeconds(5);

    private final List<ControllerLink> links;

    ControllerQuestions(List<ControllerLink> links) {
        this.links = List.copyOf(links);
    }

    /** Reads a reply. */
    interface Reader<T> {
        /**
         * Reads a reply.
         *
         * @param bytes its message
         * @return what it says
         */
        T read(byte[] bytes) throws InvalidProtocolBufferException;
    }

    /** Asks until somebody answers. */
    <T> T ask(MethodDescriptor<?, ?> method, MessageLite request, Reader<T> reader, Deadline deadline) {
        return ask(method, request, reader, _ -> true, deadline);
    }

    /**
     * Asks one controller after the other; each gets its share of the time.
     *
     * @param settled whether an answer needs no other; without such a one the first answer counts
     */
    <T> T ask(
            MethodDescriptor<?, ?> method,
            MessageLite request,
            Reader<T> reader,
            Predicate<T> settled,
            Deadline deadline) {
        byte[] bytes = request.toByteArray();
        List<ControllerLink> order = ordered();
        @Nullable T first = null;
        @Nullable TransferException failure = null;
        for (int i = 0; i < order.size(); i++) {
            ControllerLink link = order.get(i);
            try {
                T answer = decode(call(link, method, bytes, deadline.remainingNanos() / (order.size() - i)), reader);
                if (settled.test(answer)) {
                    return answer;
                }
                first = first == null ? answer : first;
            } catch (TransferException e) {
                if (first == null && isFinal(e)) {
                    throw e;
                }
                failure = e;
                LOG.debug("controller {} did not answer: {}", link.address(), e.getMessage());
            }
        }
        if (first != null) {
            return first;
        }
        throw failure != null
                ? failure
                : ControllerContext.error(TransferErrorCode.CONTROL_FAILED, "there is no controller to ask");
    }

    /** Whether another controller would say the same. One that sends nonsense says nothing about the others. */
    private static boolean isFinal(TransferException refusal) {
        return refusal.code() == TransferErrorCode.NOT_FOUND
                || (!refusal.error().isRetryable() && refusal.code() != TransferErrorCode.PROTOCOL_ERROR);
    }

    /** Asks one controller only: one that does not answer may have done what it was asked for. */
    <T> T askOne(MethodDescriptor<?, ?> method, MessageLite request, Reader<T> reader, Deadline deadline) {
        return decode(call(ordered().getFirst(), method, request.toByteArray(), deadline.remainingNanos()), reader);
    }

    private List<ControllerLink> ordered() {
        if (links.size() == 1) {
            return links;
        }
        List<ControllerLink> ordered = new ArrayList<>(links.size());
        List<ControllerLink> others = new ArrayList<>(links.size());
        links.forEach(link -> (link.isHealthy() ? ordered : others).add(link));
        ordered.addAll(others);
        return ordered;
    }

    private static byte[] call(ControllerLink link, MethodDescriptor<?, ?> method, byte[] request, long nanos) {
        CompletableFuture<byte[]> reply = link.call(method, request, nanos);
        try {
            return reply.get(Math.max(0, nanos) + BEYOND.toNanos(), TimeUnit.NANOSECONDS);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof TransferException refusal) {
                throw refusal;
            }
            throw ClientErrors.error(TransferErrorCode.INTERNAL, link.address(), "the call failed: " + e.getCause());
        } catch (TimeoutException e) {
            throw ClientErrors.error(TransferErrorCode.DEADLINE_EXCEEDED, link.address(), "no answer in time");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw ClientErrors.error(TransferErrorCode.CANCELLED, link.address(), "interrupted while waiting");
        }
    }

    private static <T> T decode(byte[] bytes, Reader<T> reader) {
        try {
            return reader.read(bytes);
        } catch (InvalidProtocolBufferException e) {
            throw WireDecoder.malformed("reply", "cannot be decoded: " + e.getMessage());
        }
    }
}
