package io.kvferry.control.peer;

import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.kvferry.control.grpc.EventLoops;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * One connection per peer, kept while it works and bounded in number; the least recently used idle one goes first.
 *
 * <p><b>Threads:</b> Thread-safe; only {@link #close} blocks.
 */
final class PeerConnections {
    private final BackendConfig config;
    private final PeerTls tls;
    private final EventLoops eventLoops;
    private final Executor resolver;
    private final int maxConnections;
    private final int maxCallsPerPeer;
    private final int maxMessageBytes;

    private final Object lock = new Object();
    // all guarded by lock; by last use
    private final LinkedHashMap<PeerAddress, PeerConnection> byPeer = new LinkedHashMap<>(16, 0.75f, true);
    private final List<PeerConnection> retiring = new ArrayList<>();
    private boolean closed;

    PeerConnections(BackendConfig config, PeerTls tls, EventLoops eventLoops, Executor resolver) {
        this.config = config;
        this.tls = tls;
        this.eventLoops = eventLoops;
        this.resolver = resolver;
        this.maxConnections = config.get(PeerConfigKeys.MAX_CONNECTIONS);
        this.maxCallsPerPeer = config.get(PeerConfigKeys.MAX_CALLS_PER_PEER);
        this.maxMessageBytes = Math.toIntExact(config.get(PeerConfigKeys.MAX_MESSAGE_BYTES));
    }

    /**
     * Takes a place for one call on the connection to a peer; the caller releases it when the call has ended.
     *
     * @throws TransferException SHUTTING_DOWN after close, RESOURCE_EXHAUSTED when a bound is reached
     */
    PeerConnection acquire(PeerAddress peer, Stage stage) {
        @Nullable PeerConnection evicted = null;
        PeerConnection connection;
        boolean acquired;
        synchronized (lock) {
            if (closed) {
                throw new TransferException(TransferErrorCode.SHUTTING_DOWN, stage, "peer control is closed");
            }
            connection = byPeer.get(peer);
            if (connection == null) {
                if (byPeer.size() >= maxConnections) {
                    evicted = evictIdle(stage);
                }
                connection = connect(peer, stage);
                byPeer.put(peer, connection);
            }
            acquired = connection.acquire(maxCallsPerPeer);
        }
        if (evicted != null) {
            evicted.drop();
        }
        if (!acquired) {
            throw new TransferException(
                    TransferErrorCode.RESOURCE_EXHAUSTED,
                    stage,
                    "calls to " + peer + " under way=" + maxCallsPerPeer + " = kvferry.peer.max-calls-per-peer");
        }
        return connection;
    }

    /** Removes the least recently used idle connection. Called with the lock held. */
    private PeerConnection evictIdle(Stage stage) {
        for (Map.Entry<PeerAddress, PeerConnection> entry : byPeer.entrySet()) {
            if (entry.getValue().isIdle()) {
                byPeer.remove(entry.getKey());
                return entry.getValue();
            }
        }
        throw new TransferException(
                TransferErrorCode.RESOURCE_EXHAUSTED,
                stage,
                "connections in use=" + maxConnections + " = kvferry.peer.max-connections");
    }

    /** Makes the connection; nothing is dialled before its first call. */
    private PeerConnection connect(PeerAddress peer, Stage stage) {
        try {
            return new PeerConnection(peer, channelTo(peer));
        } catch (IllegalArgumentException e) {
            throw new TransferException(
                    PeerErrors.error(TransferErrorCode.INVALID_REQUEST, stage, peer, "not a host: " + peer.host()), e);
        }
    }

    private ManagedChannel channelTo(PeerAddress peer) {
        return tls.secure(eventLoops.channel(peer, resolver, config.get(PeerConfigKeys.CONNECT_TIMEOUT)))
                .maxInboundMessageSize(maxMessageBytes)
                .keepAliveTime(nanos(PeerConfigKeys.KEEPALIVE_INTERVAL), TimeUnit.NANOSECONDS)
                .keepAliveTimeout(nanos(PeerConfigKeys.KEEPALIVE_TIMEOUT), TimeUnit.NANOSECONDS)
                .idleTimeout(nanos(PeerConfigKeys.IDLE_TIMEOUT), TimeUnit.NANOSECONDS)
                .build();
    }

    private long nanos(ConfigKey<Duration> key) {
        return config.get(key).toNanos();
    }

    /** Options of a call with a deadline; gRPC tells the peer the time that remains. */
    static CallOptions until(Deadline deadline) {
        return CallOptions.DEFAULT.withDeadlineAfter(Math.max(0, deadline.remainingNanos()), TimeUnit.NANOSECONDS);
    }

    /** The next call dials anew: a connection that has failed would otherwise back off for up to two minutes. */
    void failed(PeerConnection connection) {
        synchronized (lock) {
            if (!byPeer.remove(connection.peer(), connection)) {
                return;
            }
            retiring.removeIf(PeerConnection::hasEnded);
            retiring.add(connection);
        }
        connection.retire();
    }

    /** Drops what is kept for a peer; calls under way fail. */
    void forget(PeerAddress peer) {
        takeIf(connection -> connection.peer().equals(peer)).forEach(PeerConnection::drop);
    }

    /** Fails calls under way and takes no more. */
    void close(Deadline deadline) {
        synchronized (lock) {
            closed = true;
        }
        List<PeerConnection> open = takeIf(connection -> true);
        open.forEach(PeerConnection::drop);
        for (PeerConnection connection : open) {
            if (!awaitEnd(connection, deadline)) {
                return;
            }
        }
    }

    private List<PeerConnection> takeIf(Predicate<PeerConnection> condition) {
        synchronized (lock) {
            List<PeerConnection> taken = Stream.concat(byPeer.values().stream(), retiring.stream())
                    .filter(condition)
                    .toList();
            byPeer.values().removeIf(condition);
            retiring.removeIf(condition);
            return taken;
        }
    }

    private static boolean awaitEnd(PeerConnection connection, Deadline deadline) {
        try {
            return connection.awaitEnd(Math.max(0, deadline.remainingNanos()));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}
