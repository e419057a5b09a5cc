package io.kvferry.benchmarks;

import io.kvferry.control.cluster.ChunkKeys;
import io.kvferry.control.cluster.ClusterClient;
import io.kvferry.control.cluster.Lookup;
import io.kvferry.control.cluster.LookupAnswer;
import io.kvferry.control.cluster.NodeRegistration;
import io.kvferry.control.cluster.Tier;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Nodes that hold chains of chunks and get more of them all the time, at every controller.
 *
 * <p>Threads: thread-safe.
 */
final class FailoverNodes implements AutoCloseable {
    /** Chunks of a chain. */
    static final int CHAIN = 128;

    private static final int NODES = 20;
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final List<ClusterClient> nodes = new ArrayList<>();
    private final AtomicInteger chains = new AtomicInteger();

    FailoverNodes(List<PeerAddress> controllers) {
        for (int i = 0; i < NODES; i++) {
            nodes.add(ClusterClient.builder()
                    .controllers(controllers)
                    .registration(
                            NodeRegistration.of(new PeerIdentity("node-" + i, i + 1), "127.0.0.1:1", BenchLink.SCHEME))
                    .open());
        }
        for (ClusterClient node : nodes) {
            check(node.awaitRegistered(Deadline.after(PATIENCE)), "a node is not registered");
        }
    }

    /** One more chain, at one of the nodes. */
    void addChain() {
        int chain = chains.get();
        nodes.get(chain % NODES).admit(Tier.HOST, keys(chain));
        chains.incrementAndGet();
    }

    int chains() {
        return chains.get();
    }

    /** Waits until every controller that can be reached has all chains. */
    void awaitApplied() {
        for (ClusterClient node : nodes) {
            check(node.awaitApplied(Deadline.after(PATIENCE)), "a node could not tell what it holds");
        }
    }

    static Lookup lookup(int chain) {
        return Lookup.of(BenchLink.SCHEME.name(), keys(chain), "");
    }

    private static ChunkKeys keys(int chain) {
        return BenchLink.keys(chain, CHAIN);
    }

    /** How many of the chains a controller finds from end to end, by itself. */
    int found(PeerAddress controller) {
        try (ClusterClient client =
                ClusterClient.builder().controllers(List.of(controller)).open()) {
            int found = 0;
            int all = chains();
            for (int chain = 0; chain < all; chain++) {
                LookupAnswer answer = client.lookup(lookup(chain), Deadline.after(PATIENCE));
                found += answer.prefixChunks() == CHAIN ? 1 : 0;
            }
            return found;
        }
    }

    /** Whether a controller answers, and has heard from every node what it holds. */
    static boolean isComplete(PeerAddress controller) {
        try (ClusterClient client =
                ClusterClient.builder().controllers(List.of(controller)).open()) {
            return client.lookup(lookup(0), Deadline.after(Duration.ofSeconds(2)))
                    .indexComplete();
        } catch (TransferException e) {
            return false; // not yet
        }
    }

    private static void check(boolean right, String otherwise) {
        if (!right) {
            throw new IllegalStateException(otherwise);
        }
    }

    @Override
    public void close() {
        nodes.forEach(ClusterClient::close);
    }
}
