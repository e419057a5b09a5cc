package io.kvferry.engine;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.PeerControl;
import io.kvferry.spi.PeerReply;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiConsumer;
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
    /** Past it an unanswered FINISH is not repeated. */
    private final int maxPending;

    private final AtomicInteger pending = new AtomicInteger();
    /** Completes when nothing is pending any more; set by close. */
    private volatile @Nullable CompletableFuture<Void> idle;

    Finisher(EngineContext context, PeerControl peerControl) {
        this.context = context;
        this.peerControl = peerControl;
        this.horizon = context.settings().get(EngineConfigKeys.FINISH_HORIZON);
        this.maxPending = context.settings().get(EngineConfigKeys.MAX_TRANSFERS);
        this.firstDelay = context.settings().get(EngineConfigKeys.FINISH_RETRY);
    }

    Duration horizon() {
        return horizon;
    }

    /**
     * Sends FINISH.
     *
     * @param answered hears the answer, or why there will be none, on peer control's or the timer's thread; or null
     */
    void tell(PeerAddress peer, PeerRequest.Finish finish, @Nullable Answered answered) {
        pending.incrementAndGet();
        new Telling(peer, finish, answered).attempt();
    }

    /** Hears how a FINISH was answered: one of the two is null. */
    interface Answered {
        void finished(PeerReply.@Nullable Finished reply, @Nullable TransferException failure);
    }

    /** Waits until every target has answered, no longer than a first answer takes. */
    void awaitSent(Deadline deadline) {
        Deadline grace = deadline.earlier(context.finishGrace());
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
        private final @Nullable Answered answered;
        private final long untilNanos = context.ticker().nanos() + horizon.toNanos();
        private Duration delay = firstDelay;

        Telling(PeerAddress peer, PeerRequest.Finish finish, @Nullable Answered answered) {
            this.peer = peer;
            this.finish = finish;
            this.answered = answered;
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
            end(reply, null);
        }

        private void retry(TransferException failure) {
            Deadline next = context.after(delay);
            if (next.atNanos() - untilNanos >= 0 || isFinal(failure)) {
                LOG.debug("{} did not take FINISH of transfer {}: {}", peer, finish.id(), failure.getMessage());
                end(null, failure);
                return;
            }
            Duration doubled = delay.multipliedBy(2);
            delay = doubled.compareTo(MAX_DELAY) < 0 ? doubled : MAX_DELAY;
            try {
                context.scheduler().schedule(next, this::attempt);
            } catch (TransferException closed) {
                LOG.debug("closing; the end of transfer {} is left to the target's lease", finish.id());
                end(null, closed);
            }
        }

        private void end(PeerReply.@Nullable Finished reply, @Nullable TransferException failure) {
            over();
            if (answered != null) {
                answered.finished(reply, failure);
            }
        }

        /** What the target itself refuses for good stays refused; our own end sends nothing more. */
        private boolean isFinal(TransferException failure) {
            boolean refused =
                    failure.error().side() == Side.TARGET && !failure.error().isRetryable();
            return refused
                    || failure.code() == TransferErrorCode.PEER_RESTARTED
                    || failure.code() == TransferErrorCode.SHUTTING_DOWN
                    || pending.get() > maxPending;
        }
    }
}
