package io.kvferry.backend.mooncake;

import io.kvferry.backend.mooncake.adapter.MooncakeAdapter;
import io.kvferry.spi.MemoryGate;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.function.Supplier;

/**
 * One engine of the library, from its making to its end, with the segments that it knows. Calls that wait for a peer run on
 * threads of their own, so many and no more, and hold off the engine's end. Thread-safe, but for {@link #adapter}.
 */
final class NativeEngine {
    /** Calls that may wait for peers at one time. */
    private static final int MAX_CALLS = 64;

    private record Known(int id, long version) {}

    private final MooncakeAdapter adapter;
    private final String segmentName;
    private final int maxSegments;
    /** Whether the library knows segments that are not in the map any more. */
    private boolean forgetful;

    private volatile boolean over;
    private final Map<String, Known> segments = new LinkedHashMap<>(16, 0.75f, true);
    private final Semaphore calls = new Semaphore(MAX_CALLS);
    private final CompletableFuture<Void> idle = new CompletableFuture<>();
    private final MemoryGate inside = new MemoryGate(() -> idle.complete(null));

    NativeEngine(MooncakeAdapter adapter, int maxSegments) {
        this.adapter = adapter;
        this.segmentName = adapter.segmentName();
        this.maxSegments = maxSegments;
    }

    /** For the engine's thread, unless {@link #isOver}. */
    MooncakeAdapter adapter() {
        return adapter;
    }

    /** Whether nothing of it touches any memory any more. */
    boolean isOver() {
        return over;
    }

    /** Engine thread, once {@link #ended()} has completed: ends it. */
    void close() {
        over = true;
        adapter.close();
    }

    String segmentName() {
        return segmentName;
    }

    /**
     * Finds a segment.
     *
     * @param version what is known of another version is not believed
     */
    CompletableFuture<Integer> open(String name, long version) {
        boolean fresh;
        synchronized (segments) {
            Known known = segments.get(name);
            if (known != null && known.version == version) {
                return CompletableFuture.completedFuture(known.id);
            }
            fresh = forgetful || segments.containsKey(name);
        }
        return call(Stage.PREPARE, () -> {
            int id = adapter.openSegment(name, fresh);
            remember(name, new Known(id, version));
            return id;
        });
    }

    /** Finds a segment, asking its peer now. */
    CompletableFuture<Integer> openAnew(String name) {
        return call(Stage.PREPARE, () -> adapter.openSegment(name, true));
    }

    private void remember(String name, Known known) {
        synchronized (segments) {
            segments.put(name, known);
            if (segments.size() > maxSegments) {
                var eldest = segments.entrySet().iterator();
                eldest.next();
                eldest.remove();
                forgetful = true;
            }
        }
    }

    /** A transfer with the segment has failed: the next one asks anew. */
    void forget(String name) {
        synchronized (segments) {
            segments.computeIfPresent(name, (same, known) -> new Known(known.id, known.version - 1));
        }
    }

    CompletableFuture<Void> notify(int segment, String name, String text) {
        return call(Stage.FINISH, () -> {
            adapter.notify(segment, name, text);
            return null;
        });
    }

    private <T> CompletableFuture<T> call(Stage stage, Supplier<T> slow) {
        if (!calls.tryAcquire()) {
            return CompletableFuture.failedFuture(new TransferException(
                    TransferErrorCode.RESOURCE_EXHAUSTED,
                    stage,
                    MAX_CALLS + " calls of the native engine wait for their peers already"));
        }
        if (!inside.enter()) {
            calls.release();
            return CompletableFuture.failedFuture(new TransferException(
                    TransferErrorCode.CONNECTION_FAILED, stage, "the native engine is being replaced; try again"));
        }
        CompletableFuture<T> result = new CompletableFuture<>();
        Thread.ofPlatform().name("kvferry-mooncake-call").daemon().start(() -> {
            T answer = null;
            Throwable failure = null;
            try {
                answer = slow.get();
            } catch (RuntimeException | Error e) {
                failure = e;
            }
            inside.leave();
            calls.release();
            if (failure == null) {
                result.complete(answer);
            } else {
                result.completeExceptionally(failure);
            }
        });
        return result;
    }

    /** Lets no call begin; completes when none is under way. */
    CompletableFuture<Void> ended() {
        if (inside.finish() == Quiescence.QUIESCENT) {
            idle.complete(null);
        }
        return idle;
    }
}
