package io.kvferry.benchmarks;

import io.kvferry.control.cluster.ChunkBatch;
import io.kvferry.control.cluster.ChunkKeys;
import io.kvferry.control.cluster.Controller;
import io.kvferry.control.cluster.ControllerView;
import io.kvferry.control.cluster.NodeSession;
import io.kvferry.control.cluster.Tier;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Ticker;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Chunks that come and go, and the memory that those take which stay. */
final class ChangeLoad {
    private static final int BATCH = 4096;
    private static final int WINDOW = 64;
    private static final int NODES = 100;

    private ChangeLoad() {}

    /** Each node admits a batch and evicts the one that it admitted 64 batches before. */
    static String changes(Controller controller, int threads, Duration time) throws InterruptedException {
        List<NodeSession> sessions = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            NodeSession session = BenchLink.connect(controller, "node-" + i);
            BenchLink.finish(session);
            sessions.add(session);
        }
        Deadline end = Deadline.after(time);
        long start = Ticker.system().nanos();
        List<Future<Long>> runs = new ArrayList<>();
        try (ExecutorService executor = Executors.newFixedThreadPool(threads)) {
            for (NodeSession session : sessions) {
                runs.add(executor.submit(() -> change(session, end)));
            }
        }
        double nanos = Ticker.system().nanos() - start;
        long changes = 0;
        for (Future<Long> run : runs) {
            try {
                changes += run.get();
            } catch (ExecutionException e) {
                throw new IllegalStateException("a thread of the benchmark failed", e);
            }
        }
        return "%s changes/s in batches of %s, %s threads (>= 500000)"
                .formatted(Math.round(changes * 1e9 / nanos), BATCH, threads);
    }

    private static long change(NodeSession session, Deadline end) {
        SplittableRandom seeds = new SplittableRandom(session.identity().hashCode());
        List<ChunkKeys> prepared = new ArrayList<>();
        for (int i = 0; i < 2 * WINDOW; i++) {
            prepared.add(BenchLink.keys(seeds.nextLong(), BATCH));
        }
        ChunkKeys none = ChunkKeys.none(BenchLink.SCHEME.keyBytes());
        long changes = 0;
        for (int i = 0; !end.isExpired(); i++) {
            ChunkKeys leaves = i < WINDOW ? none : prepared.get((i - WINDOW) % prepared.size());
            ChunkKeys comes = prepared.get(i % prepared.size());
            if (!session.apply(new ChunkBatch(i + 1L, Tier.HOST, leaves, comes, Optional.empty()))) {
                throw new IllegalStateException("batch " + (i + 1) + " was not applied");
            }
            changes += leaves.size() + comes.size();
        }
        return changes;
    }

    /** One holder for each chunk, which is the dearest. */
    static String memory(Controller controller, long pairs) {
        long before = usedHeap();
        List<NodeSession> sessions = new ArrayList<>();
        for (int i = 0; i < NODES; i++) {
            sessions.add(BenchLink.connect(controller, "node-" + i));
        }
        for (long filled = 0; filled < pairs; filled += BATCH) {
            int count = (int) Math.min(BATCH, pairs - filled);
            BenchLink.hold(sessions.get((int) (filled / BATCH % NODES)), BenchLink.keys(filled, count));
        }
        sessions.forEach(BenchLink::finish);
        ControllerView view = controller.view();
        long heap = usedHeap() - before;
        return "%s pairs, %s B a pair by its arrays, %s B a pair by the heap (<= 120)"
                .formatted(
                        view.indexedPairs(),
                        Summary.digits((double) view.indexBytes() / view.indexedPairs()),
                        Summary.digits((double) heap / view.indexedPairs()));
    }

    private static long usedHeap() {
        System.gc();
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }
}
