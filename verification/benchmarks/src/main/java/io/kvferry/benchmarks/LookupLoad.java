package io.kvferry.benchmarks;

import io.kvferry.control.cluster.ChunkKeys;
import io.kvferry.control.cluster.ClusterClient;
import io.kvferry.control.cluster.Controller;
import io.kvferry.control.cluster.Lookup;
import io.kvferry.control.cluster.LookupAnswer;
import io.kvferry.control.cluster.NodeSession;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Ticker;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/**
 * Look-ups of chains of 128 chunks, drawn uniformly from what is in the index; the number of chunks found is uniform from
 * none to all.
 */
final class LookupLoad {
    private static final int CHAIN = 128;
    private static final int PREPARED = 16_384;
    private static final long SEED = 20260101;
    private static final int MAX_SAMPLES = 4_000_000;

    private final Controller controller;
    private final List<Lookup> lookups;
    private final List<Integer> found;

    private LookupLoad(Controller controller, List<Lookup> lookups, List<Integer> found) {
        this.controller = controller;
        this.lookups = lookups;
        this.found = found;
    }

    /** Fills the index: every chain is held by one to three of the nodes. */
    static LookupLoad fill(Controller controller, int chunks, int nodes) {
        SplittableRandom random = new SplittableRandom(SEED);
        List<NodeSession> sessions = new ArrayList<>();
        for (int i = 0; i < nodes; i++) {
            sessions.add(BenchLink.connect(controller, "node-" + i));
        }
        int chains = Math.max(1, chunks / CHAIN);
        for (int chain = 0; chain < chains; chain++) {
            ChunkKeys keys = BenchLink.keys(chain, CHAIN);
            Set<Integer> holders = new HashSet<>();
            int count = 1 + random.nextInt(3);
            while (holders.size() < Math.min(count, nodes)) {
                holders.add(random.nextInt(nodes));
            }
            holders.forEach(node -> BenchLink.hold(sessions.get(node), keys));
        }
        sessions.forEach(BenchLink::finish);
        List<Lookup> lookups = new ArrayList<>();
        List<Integer> found = new ArrayList<>();
        for (int i = 0; i < PREPARED; i++) {
            int hit = random.nextInt(CHAIN + 1);
            ChunkKeys known = BenchLink.keys(random.nextInt(chains), CHAIN);
            ChunkKeys unknown = BenchLink.keys(random.nextLong() | Long.MIN_VALUE, CHAIN);
            byte[] keys = Arrays.copyOf(known.toByteArray(), CHAIN * known.keyBytes());
            System.arraycopy(unknown.toByteArray(), 0, keys, hit * known.keyBytes(), (CHAIN - hit) * known.keyBytes());
            lookups.add(Lookup.of(BenchLink.SCHEME.name(), ChunkKeys.of(known.keyBytes(), keys), ""));
            found.add(hit);
        }
        return new LookupLoad(controller, lookups, found);
    }

    String inProcess(int threads, Duration time) throws InterruptedException {
        return run(threads, time, _ -> controller::lookup) + " (>= 50000 /s, p99 <= 200 us)";
    }

    String throughGrpc(int clients, Duration time) throws InterruptedException {
        List<ClusterClient> open = new ArrayList<>();
        try {
            for (int i = 0; i < clients; i++) {
                open.add(ClusterClient.builder()
                        .controllers(List.of(controller.address()))
                        .open());
            }
            return run(
                            clients,
                            time,
                            client -> lookup -> open.get(client).lookup(lookup, Deadline.after(10, TimeUnit.SECONDS)))
                    + " (>= 10000 /s)";
        } finally {
            open.forEach(ClusterClient::close);
        }
    }

    private interface Asked {
        LookupAnswer answer(Lookup lookup);
    }

    private interface Asking {
        Asked of(int thread);
    }

    private String run(int threads, Duration time, Asking asking) throws InterruptedException {
        String ignored = measure(threads, time, asking);
        return measure(threads, time, asking);
    }

    private String measure(int threads, Duration time, Asking asking) throws InterruptedException {
        Deadline end = Deadline.after(time);
        long start = Ticker.system().nanos();
        List<Future<long[]>> runs = new ArrayList<>();
        try (ExecutorService executor = Executors.newFixedThreadPool(threads)) {
            for (int i = 0; i < threads; i++) {
                int thread = i;
                runs.add(executor.submit(() -> ask(asking.of(thread), end, SEED + thread, MAX_SAMPLES / threads)));
            }
        }
        double nanos = Ticker.system().nanos() - start;
        long[] all = runs.stream()
                .flatMapToLong(run -> Arrays.stream(done(run)))
                .sorted()
                .toArray();
        return "%s look-ups/s, p50 %s us, p99 %s us, %s threads"
                .formatted(
                        Math.round(all.length * 1e9 / nanos),
                        Summary.digits(all[all.length / 2] / 1e3),
                        Summary.digits(all[(int) (all.length * 0.99)] / 1e3),
                        threads);
    }

    private static long[] done(Future<long[]> run) {
        try {
            return run.get();
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException("a thread of the benchmark failed", e);
        }
    }

    private long[] ask(Asked asked, Deadline end, long seed, int max) {
        SplittableRandom random = new SplittableRandom(seed);
        long[] times = new long[max];
        int count = 0;
        while (!end.isExpired() && count < max) {
            int which = random.nextInt(lookups.size());
            long before = Ticker.system().nanos();
            LookupAnswer answer = asked.answer(lookups.get(which));
            times[count++] = Ticker.system().nanos() - before;
            if (answer.prefixChunks() != found.get(which)) {
                throw new IllegalStateException(
                        "found " + answer.prefixChunks() + " chunks instead of " + found.get(which));
            }
        }
        return Arrays.copyOf(times, count);
    }
}
