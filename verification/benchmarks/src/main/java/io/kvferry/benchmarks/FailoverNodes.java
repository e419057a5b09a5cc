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
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Nodes that keep some chains for good, and admit and evict others all the time.
 *
 * <p>Threads: one thread of its own makes the changes.
 */
final class FailoverNodes implements AutoCloseable {
    private static final int CHAIN = 128;
    private static final long SEED = 20260102;
    private static final Duration CHURN = Duration.ofMillis(10);

    private final List<ClusterClient> nodes;
    private final List<Lookup> kept;
    private final ExecutorService churn = Executors.newSingleThreadExecutor();
    private volatile boolean closed;

    private FailoverNodes(List<ClusterClient> nodes, List<Lookup> kept) {
        this.nodes = nodes;
        this.kept = kept;
    }

    /** Registers them and waits until every controller knows what they hold. */
    static FailoverNodes start(int count, int chains, List<PeerAddress> controllers, Duration patience)
            throws IOException {
        List<ClusterClient> nodes = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            nodes.add(ClusterClient.builder()
                    .controllers(controllers)
                    .registration(NodeRegistration.of(
                            new PeerIdentity("node-" + i, i), "127.0.0.1:1", BenchLink.SCHEME))
                    .open());
        }
        SplittableRandom random = new SplittableRandom(SEED);
        List<Lookup> kept = new ArrayList<>();
        for (int chain = 0; chain < chains; chain++) {
            ChunkKeys keys = BenchLink.keys(chain, CHAIN);
            int holders = 1 + random.nextInt(3);
            for (int holder = 0; holder < holders; holder++) {
                nodes.get(random.nextInt(count)).admit(Tier.HOST, keys);
            }
            kept.add(Lookup.of(BenchLink.SCHEME.name(), keys, ""));
        }
        FailoverNodes started = new FailoverNodes(nodes, kept);
        for (PeerAddress controller : controllers) {
            if (started.missingAt(controller, patience) > 0) {
                started.close();
                throw new IOException("controller " + controller + " did not learn what the nodes hold");
            }
        }
        started.churn.execute(started::change);
        return started;
    }

    private void change() {
        for (long round = 0; !closed; round++) {
            ClusterClient node = nodes.get((int) (round % nodes.size()));
            ChunkKeys passing = BenchLink.keys(Long.MIN_VALUE | round, CHAIN);
            node.admit(Tier.DEVICE, passing);
            SimulatedNodes.pause(CHURN);
            node.evict(Tier.DEVICE, passing);
        }
    }

    List<Lookup> kept() {
        return kept;
    }

    /** Asks one controller until it knows everything, or that time has passed. Returns how many chains it does not know. */
    int missingAt(PeerAddress controller, Duration patience) {
        Deadline deadline = Deadline.after(patience);
        try (ClusterClient asking =
                ClusterClient.builder().controllers(List.of(controller)).open()) {
            int missing = kept.size();
            while (missing > 0 && !deadline.isExpired()) {
                missing = 0;
                for (Lookup lookup : kept) {
                    missing += isComplete(asking, lookup) ? 0 : 1;
                }
                if (missing > 0) {
                    SimulatedNodes.pause(CHURN);
                }
            }
            return missing;
        }
    }

    private static boolean isComplete(ClusterClient asking, Lookup lookup) {
        try {
            LookupAnswer answer = asking.lookup(lookup, Deadline.after(Duration.ofSeconds(5)));
            return answer.indexComplete() && answer.prefixChunks() == lookup.keys().size();
        } catch (TransferException e) {
            return false;
        }
    }

    @Override
    public void close() {
        closed = true;
        churn.close();
        nodes.forEach(ClusterClient::close);
    }
}
