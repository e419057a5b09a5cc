package io.kvferry.backend.tcp;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The lanes to one instance: opened when first needed, opened anew after a loss, and retired when nobody has used them
 * for long. Thread-safe.
 */
@SuppressWarnings("FutureReturnValueIgnored") // what fails here closes the channel, and that is heard
final class PeerLanes {
    private static final int RETIRED = -1;

    private final TcpEndpoint endpoint;
    private final LaneScope scope;
    private final int count;
    private final Supplier<CompletableFuture<Lane>> dial;
    private final AtomicInteger users = new AtomicInteger();
    private volatile long lastUsedNanos;
    private volatile List<Lane> lanes = List.of();
    private @Nullable CompletableFuture<List<Lane>> opening;

    PeerLanes(TcpEndpoint endpoint, LaneScope scope, Supplier<CompletableFuture<Lane>> dial) {
        this.endpoint = endpoint;
        this.scope = scope;
        this.count = scope.config().lanes();
        this.dial = dial;
        this.lastUsedNanos = scope.ticker().nanos();
    }

    TcpEndpoint endpoint() {
        return endpoint;
    }

    long lastUsedNanos() {
        return lastUsedNanos;
    }

    /** Keeps the lanes from being retired; false if they already are. */
    boolean use() {
        return users.getAndUpdate(now -> now == RETIRED ? RETIRED : now + 1) != RETIRED;
    }

    void release() {
        lastUsedNanos = scope.ticker().nanos();
        users.decrementAndGet();
    }

    /** Takes the lanes out of service unless somebody uses them. */
    boolean retire() {
        return users.compareAndSet(0, RETIRED);
    }

    /** Closes the lanes of a peer that was retired, in good order. */
    void leave() {
        for (Lane lane : lanes) {
            lane.leave("the connection was unused", scope.longestGoodbye());
        }
    }

    List<Lane> lanes() {
        return lanes;
    }

    /** Returns all lanes, once each is open. */
    CompletableFuture<List<Lane>> open() {
        List<Lane> known = lanes;
        if (known.size() == count && known.stream().allMatch(Lane::isOpen)) {
            return CompletableFuture.completedFuture(known);
        }
        CompletableFuture<List<Lane>> mine = new CompletableFuture<>();
        synchronized (this) {
            if (opening != null) {
                return opening;
            }
            opening = mine;
        }
        dialMissing(mine);
        return mine;
    }

    private void dialMissing(CompletableFuture<List<Lane>> result) {
        List<CompletableFuture<Lane>> all = new ArrayList<>(count);
        for (Lane lane : lanes) {
            if (lane.isOpen()) {
                all.add(lane.opened());
            }
        }
        while (all.size() < count) {
            all.add(dial.get());
        }
        CompletableFuture.allOf(all.toArray(CompletableFuture[]::new)).whenComplete((nothing, failure) -> {
            List<Lane> open = all.stream()
                    .filter(each -> !each.isCompletedExceptionally())
                    .map(CompletableFuture::join)
                    .toList();
            synchronized (this) {
                lanes = open;
                opening = null;
            }
            if (users.get() == RETIRED) {
                leave(); // nobody waited for them
            }
            if (failure == null) {
                result.complete(open);
            } else {
                result.completeExceptionally(failure);
            }
        });
    }
}
