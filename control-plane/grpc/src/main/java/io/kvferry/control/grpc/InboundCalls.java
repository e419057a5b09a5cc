package io.kvferry.control.grpc;

import io.grpc.Context;
import io.grpc.Grpc;
import io.grpc.ServerCall;
import io.kvferry.control.grpc.PortCounters.Kind;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Stage;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Bounds the calls under way at a port, and the time of those that tell no deadline.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public final class InboundCalls {
    private final AcceptedConnections connections;
    private final PortCounters counters;
    private final Ticker ticker;
    private final Scheduler scheduler;
    private final Limits limits;
    private final Semaphore free;

    /**
     * The bounds, and what to tell about them.
     *
     * @param calls how many calls may be under way
     * @param callsKey which key says so
     * @param timeout how long a call without a deadline may last
     * @param timeoutKey which key says so
     */
    public record Limits(int calls, String callsKey, Duration timeout, String timeoutKey) {}

    /**
     * Makes a bound.
     *
     * @param limits how many and how long
     * @param connections who is told that a connection is used
     * @param counters what is counted
     * @param ticker the clock of deadlines
     * @param scheduler ends calls by that clock
     */
    public InboundCalls(
            Limits limits, AcceptedConnections connections, PortCounters counters, Ticker ticker, Scheduler scheduler) {
        this.limits = limits;
        this.connections = connections;
        this.counters = counters;
        this.ticker = ticker;
        this.scheduler = scheduler;
        this.free = new Semaphore(limits.calls());
    }

    /**
     * Takes a place for a call, or refuses it; the place is given back by {@link #leave} when gRPC says it is over.
     *
     * @param call the call; it is closed when there is no place
     * @param stage the step it belongs to
     * @return true if it may go on
     */
    public boolean enter(ServerCall<?, ?> call, Stage stage) {
        connections.called(call.getAttributes().get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR));
        if (free.tryAcquire()) {
            return true;
        }
        counters.count(Kind.REFUSED_CALLS);
        CallErrors.close(
                call,
                CallErrors.refusal(
                        TransferErrorCode.RESOURCE_EXHAUSTED,
                        stage,
                        "calls under way=" + limits.calls() + " = the other side's " + limits.callsKey()));
        return false;
    }

    /** Gives a place back. */
    public void leave() {
        free.release();
    }

    /**
     * What the caller left of its time, on our clock; our own limit where it told none.
     *
     * @param context the call's
     * @return until when the call lasts
     */
    public Deadline deadline(Context context) {
        io.grpc.Deadline told = context.getDeadline();
        return told == null
                ? Deadline.after(limits.timeout(), ticker)
                : Deadline.afterNanos(told.timeRemaining(TimeUnit.NANOSECONDS), ticker);
    }

    /**
     * Ends a call that told no deadline by our own.
     *
     * @param context the call's
     * @param deadline our own
     * @param end what ends it; called at once when nothing can be scheduled any more
     * @return to be cancelled when the call is over; null when there is nothing to cancel
     */
    public Scheduler.@Nullable Scheduled limit(Context context, Deadline deadline, Runnable end) {
        if (context.getDeadline() != null) {
            return null;
        }
        try {
            return scheduler.schedule(deadline, end);
        } catch (TransferException shuttingDown) {
            end.run();
            return null;
        }
    }

    Limits limits() {
        return limits;
    }

    /**
     * Returns what is counted.
     *
     * @return the port's counters
     */
    public PortCounters counters() {
        return counters;
    }
}
