package io.kvferry.control.cluster;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The connections of one client to all controllers.
 *
 * <p><b>Threads:</b> Thread-safe; only {@link #close} blocks.
 */
final class ControllerLinks {
    private static final Logger LOG = LoggerFactory.getLogger(ControllerLinks.class);

    private final List<ControllerLink> links;

    ControllerLinks(List<ControllerLink> links) {
        this.links = List.copyOf(links);
    }

    List<ControllerLink> all() {
        return links;
    }

    void connect() {
        links.forEach(ControllerLink::connect);
    }

    boolean isAnyHealthy() {
        return links.stream().anyMatch(ControllerLink::isHealthy);
    }

    /** What a controller has against this node as it is set up, or null: trying again does not help. */
    @Nullable
    TransferException refusal() {
        return links.stream()
                .map(ControllerLink::problem)
                .filter(problem -> problem != null && problem.code() == TransferErrorCode.INCOMPATIBLE_PEER)
                .findFirst()
                .orElse(null);
    }

    /** Whether every controller that can be reached, at least one, has all that was told so far. */
    boolean areHealthyOnesSettled() {
        List<ControllerLink> healthy =
                links.stream().filter(ControllerLink::isHealthy).toList();
        return !healthy.isEmpty() && healthy.stream().allMatch(ControllerLink::isSettled);
    }

    List<ControllerStatus> status() {
        return links.stream().map(ControllerLink::status).toList();
    }

    /**
     * Says goodbye to all, and closes.
     *
     * @param deadline until when to wait for them to hear it
     * @param ticker the clock of what follows
     * @param closeTime how long each connection may then take
     */
    void close(Deadline deadline, Ticker ticker, Duration closeTime) {
        CompletableFuture<?> goodbyes = CompletableFuture.allOf(
                links.stream().map(ControllerLink::deregister).toArray(CompletableFuture[]::new));
        try {
            goodbyes.get(Math.max(0, deadline.remainingNanos()), TimeUnit.NANOSECONDS);
        } catch (TimeoutException | ExecutionException e) {
            LOG.warn("not every controller heard that this node leaves; they learn it when its lease ends");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        links.forEach(link -> link.close(Deadline.after(closeTime, ticker)));
    }
}
