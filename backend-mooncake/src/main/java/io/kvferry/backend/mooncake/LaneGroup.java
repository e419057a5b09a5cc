package io.kvferry.backend.mooncake;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The lanes to one target: opened when first needed, opened anew after a loss, and retired when nobody has used them for
 * long. Thread-safe.
 */
final class LaneGroup {
    private static final int RETIRED = -1;

    private final DataAddress address;
    private final AtomicReferenceArray<@Nullable CompletableFuture<ClientLane>> lanes;
    private final Supplier<CompletableFuture<ClientLane>> dial;
    private final AtomicInteger users = new AtomicInteger();
    private volatile long lastUsedNanos;

    LaneGroup(DataAddress address, int count, long nowNanos, Supplier<CompletableFuture<ClientLane>> dial) {
        this.address = address;
        this.lanes = new AtomicReferenceArray<>(count);
        this.dial = dial;
        this.lastUsedNanos = nowNanos;
    }

    DataAddress address() {
        return address;
    }

    long lastUsedNanos() {
        return lastUsedNanos;
    }

    /** Keeps the lanes from being retired; false if they already are. */
    boolean use() {
        return users.getAndUpdate(now -> now == RETIRED ? RETIRED : now + 1) != RETIRED;
    }

    void release(long nowNanos) {
        lastUsedNanos = nowNanos;
        users.decrementAndGet();
    }

    /** Takes the lanes out of service unless somebody uses them. */
    boolean retire() {
        return users.compareAndSet(0, RETIRED);
    }

    /** Returns all lanes, once each is open. */
    CompletableFuture<List<ClientLane>> open() {
        List<CompletableFuture<ClientLane>> all = new ArrayList<>(lanes.length());
        for (int i = 0; i < lanes.length(); i++) {
            all.add(openLane(i));
        }
        return CompletableFuture.allOf(all.toArray(CompletableFuture[]::new))
                .thenApply(nothing -> all.stream().map(CompletableFuture::join).toList());
    }

    private CompletableFuture<ClientLane> openLane(int index) {
        CompletableFuture<ClientLane> known = lanes.get(index);
        if (isUsable(known)) {
            return Objects.requireNonNull(known);
        }
        CompletableFuture<ClientLane> mine = new CompletableFuture<>();
        if (!lanes.compareAndSet(index, known, mine)) {
            return openLane(index);
        }
        var ignored = dial.get().whenComplete((lane, failure) -> {
            if (failure == null) {
                mine.complete(lane);
            } else {
                mine.completeExceptionally(failure);
            }
        });
        return mine;
    }

    /** Open, or on its way to be. */
    private static boolean isUsable(@Nullable CompletableFuture<ClientLane> lane) {
        if (lane == null || lane.isCompletedExceptionally()) {
            return false;
        }
        ClientLane open = lane.getNow(null);
        return open == null || open.isOpen();
    }

    /** The lanes that are open or on their way. */
    List<CompletableFuture<ClientLane>> lanes() {
        List<CompletableFuture<ClientLane>> all = new ArrayList<>(lanes.length());
        for (int i = 0; i < lanes.length(); i++) {
            CompletableFuture<ClientLane> lane = lanes.get(i);
            if (lane != null) {
                all.add(lane);
            }
        }
        return all;
    }
}
