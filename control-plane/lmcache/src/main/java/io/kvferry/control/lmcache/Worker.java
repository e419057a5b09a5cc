package io.kvferry.control.lmcache;

import io.kvferry.control.cluster.NodeSession;
import io.kvferry.control.cluster.NodeStats;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.Ticker;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** A registered worker: who it is, where it is asked, and its session with the cluster. Thread-safe. */
final class Worker {
    private final WorkerId id;
    private final String scheme;
    private final @Nullable String peerInitUrl;
    private final WorkerPorts ports;
    private final PeerAddress address;
    private final Ticker ticker;
    private final Holdings holdings;
    private final Instant registered = InstantSource.system().instant();
    private final AtomicInteger asked = new AtomicInteger();
    private volatile @Nullable NodeSession session;
    private volatile long heardNanos;

    Worker(
            WorkerId id,
            String scheme,
            @Nullable String peerInitUrl,
            WorkerPorts ports,
            PeerAddress address,
            Ticker ticker,
            Holdings holdings) {
        this.id = id;
        this.scheme = scheme;
        this.peerInitUrl = peerInitUrl;
        this.ports = ports;
        this.address = address;
        this.ticker = ticker;
        this.holdings = holdings;
        this.heardNanos = ticker.nanos();
    }

    WorkerId id() {
        return id;
    }

    /** When it registered. */
    Instant registered() {
        return registered;
    }

    /** What it says it holds. */
    Holdings holdings() {
        return holdings;
    }

    String scheme() {
        return scheme;
    }

    /** Where peers fetch from it; null if it did not say, and then nobody can. */
    @Nullable
    String peerInitUrl() {
        return peerInitUrl;
    }

    /** Asks the worker at its port, as {@link WorkerPorts#ask}; any answer is a sign of life. */
    CompletableFuture<Message> ask(Message request, Deadline deadline) {
        asked.incrementAndGet();
        CompletableFuture<Message> answer = ports.ask(address, request, deadline, this::heard);
        return answer.whenComplete((_, _) -> asked.decrementAndGet());
    }

    /** Gives up all that is asked of it; completes when that has failed. */
    CompletableFuture<Void> dropAsked() {
        return ports.drop(address);
    }

    /** Whether it was not heard of for so long, and is asked nothing that would tell. */
    boolean isSilentFor(Duration time) {
        return asked.get() == 0 && ticker.nanos() - heardNanos >= time.toNanos();
    }

    /** Joins the cluster with nothing held. */
    void join(NodeSession newSession, String reasonToSync) {
        session = newSession;
        holdings.join(newSession, reasonToSync);
        newSession.takeOrders();
    }

    /** Keeps the lease; false once the session has ended and the worker has to register again. */
    boolean keepAlive() {
        heardNanos = ticker.nanos();
        NodeSession current = session;
        return current != null && current.keepAlive(NodeStats.NONE);
    }

    /** Whatever a worker sends is a sign of life; its lease is kept twice as often as it has to be, and not for every message. */
    void heard() {
        NodeSession current = session;
        if (current != null
                && ticker.nanos() - heardNanos >= current.keepAliveInterval().toNanos() / 2) {
            boolean ignored = keepAlive();
        }
    }

    void leave(Deadline deadline) {
        NodeSession current = session;
        if (current != null) {
            current.deregister(deadline);
        }
    }

    /** The front closes; the lease runs on. */
    void detach() {
        NodeSession current = session;
        if (current != null) {
            current.close();
        }
    }
}
