package io.kvferry.conformance;

import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.PeerControlProvider;
import io.kvferry.spi.PeerRequest;
import io.kvferry.spi.TransferErrorCode;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Peer control without a wire: the engines of one JVM meet here, and lose sight of each other when a test says so.
 *
 * <p>Every message passes a point of {@link #faults()}: {@code hello.request}, {@code hello.reply} and so on for {@code
 * prepare}, {@code part}, {@code cancel}, {@code finish} and {@code notify}, then {@code channel.open} and {@code
 * channel.message}. A request can be dropped, delayed, reordered, duplicated, frozen, refused or corrupted (which the
 * receiver answers with PROTOCOL_ERROR); a reply likewise, but for duplicates. A dropped channel message breaks its channel:
 * channels deliver exactly once or break.
 *
 * <p>Delays run on the clock of the sender. Messages are delivered on virtual threads of their own, so a slow receiver
 * holds up nobody; on a {@link #direct()} network the receiver runs on the caller's thread.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public final class FakeNetwork {
    private static final String HOST = "node.fake";

    private final boolean direct;
    private final FaultPlan faults;
    private final Map<PeerAddress, FakePeerControl> nodes = new ConcurrentHashMap<>();
    private final Map<PeerAddress, Gate> frozen = new ConcurrentHashMap<>();
    private final Set<Cut> cuts = ConcurrentHashMap.newKeySet();
    private final AtomicInteger lastPort = new AtomicInteger(1000);

    private FakeNetwork(boolean direct, FaultPlan faults) {
        this.direct = direct;
        this.faults = faults;
    }

    /**
     * Makes a network that delivers on threads of its own.
     *
     * @param faults what goes wrong on it
     * @return a network without nodes
     */
    public static FakeNetwork create(FaultPlan faults) {
        return new FakeNetwork(false, faults);
    }

    /**
     * Makes a network on which nothing goes wrong and that calls the receiver on the sender's thread, to measure what an
     * engine costs by itself.
     *
     * @return a network without nodes
     */
    public static FakeNetwork direct() {
        return new FakeNetwork(true, FaultPlan.seeded(0));
    }

    /**
     * Returns what goes wrong.
     *
     * @return the plan given at the start
     */
    public FaultPlan faults() {
        return faults;
    }

    /**
     * Returns peer control for a new node, at an address of its own.
     *
     * @return the provider for one engine
     */
    public PeerControlProvider provider() {
        return provider(new PeerAddress(HOST, lastPort.incrementAndGet()));
    }

    /**
     * Returns peer control for a node at a known address: the way to restart one that was killed or closed.
     *
     * @param address where it listens
     * @return the provider for one engine
     */
    public PeerControlProvider provider(PeerAddress address) {
        return new FakePeerControlProvider(this, address);
    }

    /**
     * Loses every message between two nodes, both ways, until {@link #heal}.
     *
     * @param one a node
     * @param other another
     */
    public void partition(PeerAddress one, PeerAddress other) {
        cuts.add(new Cut(one, other));
        cuts.add(new Cut(other, one));
    }

    /** Ends all partitions. What was lost stays lost. */
    public void heal() {
        cuts.clear();
    }

    /**
     * Stops a node: what is sent to it or by it waits until {@link #thaw}.
     *
     * @param node where it listens
     */
    public void freeze(PeerAddress node) {
        frozen.putIfAbsent(node, new Gate());
    }

    /**
     * Lets a frozen node go on; what waited is delivered now, on this thread.
     *
     * @param node where it listens
     */
    public void thaw(PeerAddress node) {
        Gate gate = frozen.remove(node);
        if (gate != null) {
            gate.open();
        }
    }

    /**
     * Makes a node vanish: calls to it are refused, calls under way and channels break, and nothing it sends arrives any
     * more. Another node may then start at its address.
     *
     * @param node where it listens
     */
    public void kill(PeerAddress node) {
        FakePeerControl victim = nodes.remove(node);
        if (victim == null) {
            throw new IllegalArgumentException("no node at " + node + ", there are " + nodes.keySet());
        }
        victim.die();
        for (FakePeerControl other : nodes.values()) {
            other.lose(node, TransferErrorCode.CONTROL_FAILED);
        }
    }

    boolean isDirect() {
        return direct;
    }

    boolean bind(PeerAddress address, FakePeerControl node) {
        return nodes.putIfAbsent(address, node) == null;
    }

    void unbind(PeerAddress address, FakePeerControl node) {
        if (nodes.remove(address, node)) {
            for (FakePeerControl other : nodes.values()) {
                other.lose(address, TransferErrorCode.SHUTTING_DOWN);
            }
        }
    }

    @Nullable
    FakePeerControl node(PeerAddress address) {
        return nodes.get(address);
    }

    /** Runs a step unless the pair is partitioned; waits, without blocking, while either node is frozen. */
    void travel(PeerAddress from, PeerAddress to, Runnable step) {
        if (cuts.isEmpty() && frozen.isEmpty()) {
            step.run();
            return;
        }
        if (cuts.contains(new Cut(from, to))) {
            return;
        }
        Gate gate = frozen.containsKey(from) ? frozen.get(from) : frozen.get(to);
        if (gate == null) {
            step.run();
        } else {
            gate.whenOpen(step);
        }
    }

    static String point(PeerRequest<?> request, boolean reply) {
        return switch (request) {
            case PeerRequest.Hello hello -> reply ? "hello.reply" : "hello.request";
            case PeerRequest.Prepare prepare -> reply ? "prepare.reply" : "prepare.request";
            case PeerRequest.Part part -> reply ? "part.reply" : "part.request";
            case PeerRequest.Cancel cancel -> reply ? "cancel.reply" : "cancel.request";
            case PeerRequest.Finish finish -> reply ? "finish.reply" : "finish.request";
            case PeerRequest.Notify notify -> reply ? "notify.reply" : "notify.request";
        };
    }

    private record Cut(PeerAddress from, PeerAddress to) {}
}
