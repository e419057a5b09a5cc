package io.kvferry.control.peer;

import io.grpc.Context;
import io.grpc.Grpc;
import io.grpc.ServerCall;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerService;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What the calls of peers share: the service, the threads that run it, the bound on their number.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class InboundCalls {
    private final PeerService service;
    private final BackendEnvironment environment;
    private final ExecutorService executor;
    private final AcceptedConnections connections;
    private final PeerCounters counters;
    private final ChannelLimits channelLimits;
    private final Duration defaultTimeout;
    private final int maxCalls;
    private final Semaphore free;

    InboundCalls(
            PeerService service,
            BackendConfig config,
            BackendEnvironment environment,
            ExecutorService executor,
            AcceptedConnections connections,
            PeerCounters counters) {
        this.service = service;
        this.environment = environment;
        this.executor = executor;
        this.connections = connections;
        this.counters = counters;
        this.channelLimits = ChannelLimits.of(config);
        this.defaultTimeout = config.get(PeerConfigKeys.DEFAULT_TIMEOUT);
        this.maxCalls = config.get(PeerConfigKeys.MAX_INBOUND_CALLS);
        this.free = new Semaphore(maxCalls);
    }

    /** Takes a place for a call, or refuses it; the place is given back by {@link #leave} when gRPC says it is over. */
    boolean enter(ServerCall<?, ?> call, Stage stage) {
        connections.called(call.getAttributes().get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR));
        if (free.tryAcquire()) {
            return true;
        }
        counters.refusedCalls.increment();
        TransferError full = CallErrors.refusal(
                TransferErrorCode.RESOURCE_EXHAUSTED,
                stage,
                "calls under way=" + maxCalls + " = the peer's kvferry.peer.max-inbound-calls");
        call.close(CallErrors.status(full), ErrorCodec.toTrailers(full));
        return false;
    }

    void leave() {
        free.release();
    }

    /** What the caller left of its time, on our clock; our own limit where it told none. */
    Deadline deadline(Context context) {
        io.grpc.Deadline told = context.getDeadline();
        return told == null
                ? Deadline.after(defaultTimeout, environment.ticker())
                : Deadline.afterNanos(told.timeRemaining(TimeUnit.NANOSECONDS), environment.ticker());
    }

    /** Ends a call that told no deadline by our own. */
    Scheduler.@Nullable Scheduled limit(Context context, Deadline deadline, Runnable end) {
        if (context.getDeadline() != null) {
            return null;
        }
        try {
            return environment.scheduler().schedule(deadline, end);
        } catch (TransferException shuttingDown) {
            end.run();
            return null;
        }
    }

    PeerService service() {
        return service;
    }

    ExecutorService executor() {
        return executor;
    }

    PeerCounters counters() {
        return counters;
    }

    ChannelLimits channelLimits() {
        return channelLimits;
    }
}
