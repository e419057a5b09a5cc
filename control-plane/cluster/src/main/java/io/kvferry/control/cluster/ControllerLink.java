package io.kvferry.control.cluster;

import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.kvferry.control.cluster.wire.ClusterGrpc;
import io.kvferry.control.grpc.ByteMethods;
import io.kvferry.control.grpc.EventLoops;
import io.kvferry.control.grpc.UnaryRequest;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * This node's connection to one controller. Of a node that registers it keeps a session open: whenever one ends it begins
 * another, after a pause that grows.
 *
 * <p><b>Threads:</b> Thread-safe; only {@link #close} blocks.
 */
final class ControllerLink implements NodeInventory.Feed {
    private static final Logger LOG = LoggerFactory.getLogger(ControllerLink.class);
    private static final Duration FIRST_DELAY = Duration.ofMillis(50);
    private static final Duration PING_INTERVAL = Duration.ofSeconds(10);
    private static final Duration PING_TIMEOUT = Duration.ofSeconds(5);

    private final PeerAddress address;
    private final ManagedChannel channel;
    private final Duration maxDelay;
    private final int maxPendingKeys;
    private final @Nullable ClientNode node;

    private final Object lock = new Object();
    // all guarded by lock
    private Duration delay = FIRST_DELAY;
    private boolean closed;
    private @Nullable ClientSession session;
    private @Nullable TransferException problem;
    /** Since when there is no session; null while there is one, and before the first. */
    private @Nullable Long outageSinceNanos;

    /**
     * Makes a link; nothing is dialled yet.
     *
     * @param node what registers there; null for who only asks
     */
    ControllerLink(
            PeerAddress address,
            BackendConfig config,
            EventLoops eventLoops,
            Executor resolver,
            @Nullable ClientNode node) {
        this.address = address;
        this.node = node;
        this.maxDelay = config.get(ClusterConfigKeys.MAX_RECONNECT_DELAY);
        this.maxPendingKeys = config.get(ClusterConfigKeys.MAX_PENDING_KEYS);
        this.channel = eventLoops
                .channel(address, resolver, config.get(ClusterConfigKeys.CONNECT_TIMEOUT))
                .usePlaintext()
                .maxInboundMessageSize(Math.toIntExact(config.get(ClusterConfigKeys.MAX_MESSAGE_BYTES)))
                .keepAliveTime(PING_INTERVAL.toNanos(), TimeUnit.NANOSECONDS)
                .keepAliveTimeout(PING_TIMEOUT.toNanos(), TimeUnit.NANOSECONDS)
                .build();
    }

    PeerAddress address() {
        return address;
    }

    /** Begins a session. */
    void connect() {
        ClientNode registering = node;
        ClientSession opened;
        synchronized (lock) {
            if (closed || registering == null || registering.isReplaced()) {
                return;
            }
            opened = new ClientSession(this, registering, maxPendingKeys);
            session = opened;
        }
        channel.resetConnectBackoff();
        opened.start(channel.newCall(ByteMethods.of(ClusterGrpc.getSessionMethod()), CallOptions.DEFAULT));
    }

    /** The session is registered: a next failure is tried again soon. */
    void registered(ClientNode registering, String controllerId) {
        Long since;
        synchronized (lock) {
            delay = FIRST_DELAY;
            problem = null;
            since = outageSinceNanos;
            outageSinceNanos = null;
        }
        LOG.info(
                "{} is registered with controller {} ({}){}",
                registering.registration().identity(),
                address,
                controllerId,
                since == null
                        ? ""
                        : " again, after "
                                + TimeUnit.NANOSECONDS.toMillis(
                                        registering.ticker().nanos() - since) + " ms");
    }

    /** The session has ended. Whatever is tried until there is one again is one outage, told once. */
    void ended(ClientSession over, TransferException why) {
        ClientNode registering = node;
        Duration pause;
        boolean isNew;
        synchronized (lock) {
            if (session != over) {
                return;
            }
            session = null;
            problem = why;
            pause = delay;
            delay = delay.multipliedBy(2).compareTo(maxDelay) < 0 ? delay.multipliedBy(2) : maxDelay;
            if (closed || registering == null) {
                return;
            }
            isNew = outageSinceNanos == null;
            if (isNew) {
                outageSinceNanos = registering.ticker().nanos();
            }
        }
        if (why.code() == TransferErrorCode.PEER_RESTARTED) {
            registering.replaced(why);
        } else if (isNew) {
            LOG.warn(
                    "no session with controller {}, trying again until there is one: {}",
                    address,
                    why.error().detail());
        } else {
            LOG.debug(
                    "still no session with controller {}: {}",
                    address,
                    why.error().detail());
        }
        registering.later(pause, this::connect);
    }

    @Override
    public void add(ChunkDelta delta) {
        ClientSession open = session();
        if (open != null) {
            open.add(delta);
        }
    }

    @Override
    public void send() {
        ClientSession open = session();
        if (open != null) {
            open.send();
        }
    }

    private @Nullable ClientSession session() {
        synchronized (lock) {
            return session;
        }
    }

    /** Why the last session ended, or null while one works. */
    @Nullable
    TransferException problem() {
        synchronized (lock) {
            return problem;
        }
    }

    /** Whether a call is likely to be answered soon. Of one who only asks: whether the last call was. */
    boolean isHealthy() {
        ClientSession open = session();
        if (node == null) {
            synchronized (lock) {
                return problem == null;
            }
        }
        return open != null && open.isHeard();
    }

    ControllerStatus status() {
        ClientSession open = session();
        synchronized (lock) {
            return new ControllerStatus(
                    address,
                    open != null && open.isHeard(),
                    open != null && open.isSynced(),
                    Optional.ofNullable(problem).map(e -> e.error().detail()));
        }
    }

    boolean isSettled() {
        ClientSession open = session();
        return open != null && open.isSettled();
    }

    CompletableFuture<byte[]> call(MethodDescriptor<?, ?> method, byte[] request, long nanos) {
        CallOptions options = CallOptions.DEFAULT.withDeadlineAfter(Math.max(0, nanos), TimeUnit.NANOSECONDS);
        if (!isHealthy()) {
            // a channel that failed before would wait for up to two minutes
            channel.resetConnectBackoff();
        }
        CompletableFuture<byte[]> reply = UnaryRequest.start(
                        channel.newCall(ByteMethods.of(method), options), request, new ControllerCall(address))
                .reply();
        var ignored = reply.whenComplete((_, failure) -> {
            synchronized (lock) {
                if (node == null) {
                    problem = failure instanceof TransferException e ? e : null;
                }
            }
        });
        return reply;
    }

    /** Says goodbye. Completes when the controller has taken it, or cannot. */
    CompletableFuture<Void> deregister() {
        ClientSession open;
        synchronized (lock) {
            closed = true;
            open = session;
        }
        return open == null ? CompletableFuture.completedFuture(null) : open.deregister();
    }

    void close(Deadline deadline) {
        ClientSession open;
        synchronized (lock) {
            closed = true;
            open = session;
        }
        if (open != null) {
            open.end(new TransferException(TransferErrorCode.SHUTTING_DOWN, Stage.CLOSE, "this node is closing"));
        }
        channel.shutdownNow();
        try {
            if (!channel.awaitTermination(Math.max(0, deadline.remainingNanos()), TimeUnit.NANOSECONDS)) {
                LOG.warn("close() did not wait for the connection to controller {}", address);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
