package io.kvferry.benchmarks;

import io.kvferry.control.cluster.ClusterClient;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;

/**
 * What the death of one of two controllers costs those who ask: both share an etcd, look-ups run through both, chunks come all
 * the time; one controller is killed as kill -9 does, later another is started in its place.
 */
final class Failover {
    private static final int ASKERS = 8;
    private static final Duration LOOKUP = Duration.ofSeconds(2);
    private static final Duration RECOVERED = Duration.ofSeconds(5);
    private static final Duration BETWEEN_CHAINS = Duration.ofMillis(20);
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final FailoverNodes nodes;
    private final Ticker ticker = Ticker.system();
    private volatile long killedAt;
    private volatile boolean over;

    private Failover(FailoverNodes nodes) {
        this.nodes = nodes;
    }

    /** What one thread has seen. */
    private record Seen(long lookups, long failed, long failedLate, long lastFailureNanos, long longestNanos) {
        static final Seen NOTHING = new Seen(0, 0, 0, 0, 0);

        Seen plus(Seen other) {
            return new Seen(
                    lookups + other.lookups,
                    failed + other.failed,
                    failedLate + other.failedLate,
                    Math.max(lastFailureNanos, other.lastFailureNanos),
                    Math.max(longestNanos, other.longestNanos));
        }
    }

    /** Runs it: {@code time} before the kill, at least twice the five seconds after it. */
    static String run(int chains, Duration time) throws IOException, InterruptedException {
        Path folder = Files.createTempDirectory("kvferry-failover");
        try (LocalEtcd etcd = LocalEtcd.start(folder);
                FailoverController killed = FailoverController.start(folder, etcd.endpoint(), 0);
                FailoverController survivor = FailoverController.start(folder, etcd.endpoint(), 0);
                FailoverNodes nodes = new FailoverNodes(List.of(killed.address(), survivor.address()))) {
            for (int i = 0; i < chains; i++) {
                nodes.addChain();
            }
            nodes.awaitApplied();
            Failover failover = new Failover(nodes);
            return failover.measure(folder, etcd, killed, survivor, time);
        } finally {
            try (Stream<Path> files = Files.walk(folder)) {
                for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.deleteIfExists(file);
                }
            }
        }
    }

    private String measure(
            Path folder, LocalEtcd etcd, FailoverController killed, FailoverController survivor, Duration time)
            throws IOException, InterruptedException {
        Duration after = time.compareTo(RECOVERED.multipliedBy(2)) > 0 ? time : RECOVERED.multipliedBy(2);
        Seen seen = Seen.NOTHING;
        long start = ticker.nanos();
        long end;
        try (ExecutorService executor = Executors.newCachedThreadPool()) {
            List<Future<Seen>> runs = new ArrayList<>();
            try {
                for (int i = 0; i < ASKERS; i++) {
                    int seed = i;
                    List<PeerAddress> order = i % 2 == 0
                            ? List.of(killed.address(), survivor.address())
                            : List.of(survivor.address(), killed.address());
                    runs.add(executor.submit(() -> ask(order, seed)));
                }
                var ignored = executor.submit(this::addChains);
                SimulatedNodes.pause(time);
                killedAt = ticker.nanos();
                killed.kill();
                SimulatedNodes.pause(after);
            } finally {
                over = true;
                end = ticker.nanos();
            }
            for (Future<Seen> run : runs) {
                seen = seen.plus(run.get());
            }
        } catch (ExecutionException e) {
            throw new IllegalStateException("a thread of the benchmark failed", e);
        }
        nodes.awaitApplied();
        int known = nodes.found(survivor.address());
        String again = restart(folder, etcd, killed.address());
        return ("%s look-ups/s, longest %s ms; after the kill %s failed, the last one %s ms after it, %s later than 5 s"
                        + " (0); %s of %s chains found at the survivor, %s")
                .formatted(
                        Math.round(seen.lookups * 1e9 / (end - start)),
                        Summary.digits(seen.longestNanos / 1e6),
                        seen.failed,
                        Summary.digits(seen.lastFailureNanos / 1e6),
                        seen.failedLate,
                        known,
                        nodes.chains(),
                        again);
    }

    /** Starts another controller in the place of the one that is dead; nobody is told to go there. */
    private String restart(Path folder, LocalEtcd etcd, PeerAddress place) throws IOException {
        long start = ticker.nanos();
        Deadline deadline = Deadline.after(PATIENCE);
        try (FailoverController next = FailoverController.start(folder, etcd.endpoint(), place.port())) {
            while (!FailoverNodes.isComplete(next.address())) {
                if (deadline.isExpired()) {
                    throw new IOException("the controller in its place does not get its index");
                }
            }
            double seconds = (ticker.nanos() - start) / 1e9;
            return "%s at the one in its place, complete %s s after its start"
                    .formatted(nodes.found(next.address()), Summary.digits(seconds));
        }
    }

    private Void addChains() {
        while (!over) {
            nodes.addChain();
            SimulatedNodes.pause(BETWEEN_CHAINS);
        }
        return null;
    }

    /** Asks until it is over. A chain that was told before and is not found from end to end is a failure, too. */
    private Seen ask(List<PeerAddress> controllers, int seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int told = nodes.chains();
        Seen seen = Seen.NOTHING;
        try (ClusterClient client =
                ClusterClient.builder().controllers(controllers).open()) {
            while (!over) {
                long before = ticker.nanos();
                boolean good = isFound(client, random.nextInt(told));
                long now = ticker.nanos();
                seen = seen.plus(seen(good, now, now - before));
            }
        }
        return seen;
    }

    private Seen seen(boolean good, long now, long took) {
        if (good) {
            return new Seen(1, 0, 0, 0, took);
        }
        if (killedAt == 0) {
            throw new IllegalStateException("a look-up failed before anything was killed");
        }
        long late = now - killedAt;
        return new Seen(1, 1, late > RECOVERED.toNanos() ? 1 : 0, late, took);
    }

    private static boolean isFound(ClusterClient client, int chain) {
        try {
            return client.lookup(FailoverNodes.lookup(chain), Deadline.after(LOOKUP))
                            .prefixChunks()
                    == FailoverNodes.CHAIN;
        } catch (TransferException e) {
            return false;
        }
    }
}
