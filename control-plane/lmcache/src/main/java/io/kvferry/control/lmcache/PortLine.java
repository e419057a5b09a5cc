package io.kvferry.control.lmcache;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The requests to one worker: at most one is out, the others wait in order. Confined to the thread of {@link WorkerPorts}.
 */
final class PortLine {
    private static final int MAX_WAITING = 1000;

    /** A request, the time until which its answer is worth something, and who waits for it. */
    record Ask(
            PeerAddress address,
            Message request,
            Deadline deadline,
            Runnable onAnswer,
            CompletableFuture<Message> answer) {
        void fail(TransferErrorCode code, String what) {
            boolean ignored = answer.completeExceptionally(new TransferException(
                    code,
                    Stage.TRANSFER,
                    "worker at " + address + " " + what + " (" + request.type().tag() + ")"));
        }
    }

    /** A request that was sent. */
    record Out(Ask ask, PortExchange exchange) {}

    private final Deque<Ask> waiting = new ArrayDeque<>();
    private @Nullable Out out;

    void add(Ask ask) {
        if (waiting.size() < MAX_WAITING) {
            waiting.add(ask);
        } else {
            ask.fail(TransferErrorCode.RESOURCE_EXHAUSTED, "has " + MAX_WAITING + " requests waiting already");
        }
    }

    /** The request that is out; null without one. */
    @Nullable
    Out out() {
        return out;
    }

    void sent(Ask ask, PortExchange exchange) {
        out = new Out(ask, exchange);
    }

    /** Ends the connection of the request that is out, and returns the request. */
    Ask end(Out ended) {
        out = null;
        ended.exchange().close();
        return ended.ask();
    }

    /** The next request whose time is not over; null without one. */
    @Nullable
    Ask next() {
        failExpired();
        return waiting.poll();
    }

    /** Fails requests whose time ran out. */
    void failExpired() {
        Out sent = out;
        if (sent != null && sent.ask().deadline().isExpired()) {
            end(sent).fail(TransferErrorCode.PEER_LOST, "did not answer in time");
        }
        waiting.removeIf(ask -> {
            if (ask.deadline().isExpired()) {
                ask.fail(TransferErrorCode.DEADLINE_EXCEEDED, "was busy until the deadline");
                return true;
            }
            return false;
        });
    }

    void failAll(TransferErrorCode code, String what) {
        Out sent = out;
        if (sent != null) {
            end(sent).fail(code, what);
        }
        for (Ask ask = waiting.poll(); ask != null; ask = waiting.poll()) {
            ask.fail(code, what);
        }
    }

    /** The earliest time at which something of this line runs out. */
    long remainingNanos() {
        Out sent = out;
        long least = sent == null ? Long.MAX_VALUE : sent.ask().deadline().remainingNanos();
        for (Ask ask : waiting) {
            least = Math.min(least, ask.deadline().remainingNanos());
        }
        return least;
    }

    boolean isIdle() {
        return out == null && waiting.isEmpty();
    }
}
