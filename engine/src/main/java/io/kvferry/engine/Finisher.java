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
import java.util.function.BiConsumer;
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
    private static final long MAX_DELAY_NANOS = MAX_DELAY.toNanos();

    private final EngineContext context;
    private final PeerControl peerControl;
    private final Duration horizon;
    private final Duration firstDelay;
    private final AtomicInteger pending = new AtomicInteger();
    /** Completes when nothing is pending any more; set by close. */
    private volatile @Nullable CompletableFuture<Void> idle;

    Finisher(EngineContext context, PeerControl peerControl) {
        this.context = context;
        this.peerControl = peerControl;
        this.horizon = context.settings().get(EngineConfigKeys.FINISH_HORIZON);
        this.firstDelay = context.settings().get(EngineConfigKeys.FINISH_RETRY);
    }

    Duration horizon() {
        return horizon;
    }

    /**
     * Sends FINISH.
     *
     * @param hearer gets the answer, if one ever comes, on peer control's thread; or null
     */
    void tell(PeerAddress peer, PeerRequest.Finish finish, @Nullable Consumer<PeerReply.Finished> hearer) {
        pending.incrementAndGet();
        new Telling(peer, finish, hearer).attempt();
    }

    /** Waits until every target has answered, no longer than a first answer takes. */
    void awaitSent(Deadline deadline) {
        Deadline grace = deadline.earlier(context.after(context.settings().get(EngineConfigKeys.FINISH_GRACE)));
        CompletableFuture<Void> none = new CompletableFuture<>();
        idle = none;
        if (pending.get() > 0) {
            context.waits().until(none, grace, Stage.CLOSE);
        }
    }

    private void over() {
        int left = pending.decrementAndGet();
        CompletableFuture<Void> waiter = idle;
        if (left == 0 && waiter != null) {
            waiter.complete(null);
        }
    }

    /** One FINISH until it is answered. Its attempts follow each other, so its fields need no lock. */
    private final class Telling implements BiConsumer<PeerReply.Finished, Throwable> {
        private final PeerAddress peer;
        private final PeerRequest.Finish finish;
        private final @Nullable Consumer<PeerReply.Finished> hearer;
        private final long untilNanos = context.ticker().nanos() + horizon.toNanos();
        private Duration delay = firstDelay;

        Telling(PeerAddress peer, PeerRequest.Finish finish, @Nullable Consumer<PeerReply.Finished> hearer) {
            this.peer = peer;
            this.finish = finish;
            this.hearer = hearer;
        }

        void attempt() {
            long now = context.ticker().nanos();
            long nanos = Math.min(MAX_DELAY_NANOS, untilNanos - now);
            Deadline thisTime = Deadline.atNanos(now + nanos, context.ticker());
            var ignored = peerControl.call(peer, finish, thisTime).whenComplete(this);
        }

        @Override
        public void accept(PeerReply.@Nullable Finished reply, @Nullable Throwable failure) {
            if (failure != null) {
                retry(Failures.of(failure, Stage.FINISH));
                return;
            }
            over();
            if (hearer != null && reply != null) {
                hearer.accept(reply);
            }
        }

        private void retry(TransferException failure) {
            Deadline next = context.after(delay);
            if (next.atNanos() - untilNanos >= 0 || isFinal(failure)) {
                LOG.debug("{} did not take FINISH of transfer {}: {}", peer, finish.id(), failure.getMessage());
                over();
                return;
            }
            Duration doubled = delay.multipliedBy(2);
            delay = doubled.compareTo(MAX_DELAY) < 0 ? doubled : MAX_DELAY;
            try {
                context.scheduler().schedule(next, this::attempt);
            } catch (TransferException closed) {
                LOG.debug("closing; the end of transfer {} is left to the target's lease", finish.id());
                over();
            }
        }

        /** A restarted target holds nothing of the attempt; our own end sends nothing more. */
        private static boolean isFinal(TransferException failure) {
            return failure.code() == TransferErrorCode.PEER_RESTARTED
                    || failure.code() == TransferErrorCode.SHUTTING_DOWN;
        }
    }
}
