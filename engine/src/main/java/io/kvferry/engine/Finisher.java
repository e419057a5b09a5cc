package io.kvferry.engine;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.PeerControl;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells targets how attempts ended, off the caller's path, and repeats it until they answer or the horizon has passed (R5).
 *
 * <p><b>Threads:</b> Thread-safe. Does not block.
 */
final class Finisher {
    private static final Logger LOG = LoggerFactory.getLogger(Finisher.class);
    private static final Duration MAX_DELAY = Duration.ofSeconds(5);

    private final EngineContext context;
    private final PeerControl peerControl;
    private final AtomicInteger pending = new AtomicInteger();
    /** Completes when nothing is pending any more; set by close. */
    private volatile @Nullable CompletableFuture<Void> idle;

    Finisher(EngineContext context, PeerControl peerControl) {
        this.context = context;
        this.peerControl = peerControl;
    }

    Duration horizon() {
        return context.settings().get(EngineConfigKeys.FINISH_HORIZON);
    }

    /** Sends FINISH; the answer, if one ever comes, goes to {@code hearer} on peer control's thread. */
    void tell(PeerAddress peer, PeerRequest.Finish finish, Consumer<PeerReply.Finished> hearer) {
        pending.incrementAndGet();
        Duration first = context.settings().get(EngineConfigKeys.FINISH_RETRY);
        attempt(peer, finish, hearer, first, context.after(horizon()));
    }

    /** Waits until every target has answered, no longer than a first answer takes. */
    void awaitSent(Deadline deadline) {
        Deadline grace = deadline.earlier(context.after(context.settings().get(EngineConfigKeys.FINISH_GRACE)));
        CompletableFuture<Void> none = new CompletableFuture<>();
        idle = none;
        if (pending.get() > 0) {
            Waits.until(none, grace, context.scheduler(), Stage.CLOSE);
        }
    }

    private void answered() {
        CompletableFuture<Void> waiter = idle;
        if (pending.decrementAndGet() == 0 && waiter != null) {
            waiter.complete(null);
        }
    }

    private void attempt(
            PeerAddress peer,
            PeerRequest.Finish finish,
            Consumer<PeerReply.Finished> hearer,
            Duration delay,
            Deadline horizon) {
        Deadline tryUntil = context.after(MAX_DELAY).earlier(horizon);
        var ignored = peerControl.call(peer, finish, tryUntil).whenComplete((reply, failure) -> {
            if (failure == null) {
                answered();
                hearer.accept(reply);
            } else {
                retry(peer, finish, hearer, delay, horizon, failure);
            }
        });
    }

    private void retry(
            PeerAddress peer,
            PeerRequest.Finish finish,
            Consumer<PeerReply.Finished> hearer,
            Duration delay,
            Deadline horizon,
            Throwable failure) {
        TransferException known = Failures.of(failure, Stage.FINISH);
        Deadline next = context.after(delay);
        if (next.remainingNanos() >= horizon.remainingNanos() || isFinal(known)) {
            answered();
            LOG.debug("{} did not take FINISH of transfer {}: {}", peer, finish.id(), known.getMessage());
            return;
        }
        Duration doubled = delay.multipliedBy(2);
        Duration nextDelay = doubled.compareTo(MAX_DELAY) < 0 ? doubled : MAX_DELAY;
        try {
            context.scheduler().schedule(next, () -> attempt(peer, finish, hearer, nextDelay, horizon));
        } catch (TransferException closed) {
            answered();
            LOG.debug("closing; FINISH of transfer {} is left to the target's lease", finish.id());
        }
    }

    /** A restarted target holds nothing of the attempt; our own end sends nothing more. */
    private static boolean isFinal(TransferException failure) {
        return failure.code() == TransferErrorCode.PEER_RESTARTED || failure.code() == TransferErrorCode.SHUTTING_DOWN;
    }
}
