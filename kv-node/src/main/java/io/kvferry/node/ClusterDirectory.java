package io.kvferry.node;

import io.kvferry.control.cluster.ChunkKeys;
import io.kvferry.control.cluster.ClusterClient;
import io.kvferry.control.cluster.ControllerStatus;
import io.kvferry.control.cluster.Lookup;
import io.kvferry.control.cluster.LookupAnswer;
import io.kvferry.control.cluster.NodeRegistration;
import io.kvferry.control.cluster.NodeStats;
import io.kvferry.control.cluster.OrderHandler;
import io.kvferry.control.cluster.Tier;
import io.kvferry.engine.TransferEngine;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The controllers of a cluster.
 *
 * <p>Changes are noted in the store's order and told by whoever comes first after them, one thread at a time: so they keep
 * their order, and the notes of a caller are told before its call returns or by the one who is telling.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class ClusterDirectory implements ChunkDirectory {
    private final NodeRegistration registration;
    private final BackendConfig settings;
    private final TransferEngine engine;
    private final Queue<Change> changes = new ConcurrentLinkedQueue<>();
    private final AtomicInteger telling = new AtomicInteger();
    private volatile @Nullable ClusterClient client;

    private record Change(ChunkId chunk, boolean admitted) {}

    ClusterDirectory(NodeRegistration registration, BackendConfig settings, TransferEngine engine) {
        this.registration = registration;
        this.settings = settings;
        this.engine = engine;
    }

    @Override
    public void start(OrderHandler orders, Supplier<NodeStats> stats) {
        try {
            client = ClusterClient.builder()
                    .config(settings)
                    .registration(registration)
                    .orders(orders)
                    .stats(stats)
                    .clock(engine.ticker(), engine.scheduler())
                    .open();
        } catch (IllegalArgumentException e) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST, Stage.OPEN, "kvferry.cluster.controllers: " + e.getMessage(), e);
        }
        changed();
    }

    @Override
    public LookupAnswer lookup(ChunkKeys keys, Deadline deadline) {
        return client().lookup(
                        Lookup.of(
                                registration.scheme().name(),
                                keys,
                                registration.identity().nodeId()),
                        deadline);
    }

    private ClusterClient client() {
        ClusterClient open = client;
        if (open == null) {
            throw new IllegalStateException("the directory is not started");
        }
        return open;
    }

    @Override
    public void admitted(ChunkId chunk) {
        changes.add(new Change(chunk, true));
    }

    @Override
    public void evicted(ChunkId chunk) {
        changes.add(new Change(chunk, false));
    }

    @Override
    public void changed() {
        if (client == null || telling.getAndIncrement() > 0) {
            return;
        }
        int seen = 1;
        while (seen > 0) {
            tell();
            // somebody may have come meanwhile, whose notes are ours to tell
            seen = telling.addAndGet(-seen);
        }
    }

    private void tell() {
        List<byte[]> keys = new ArrayList<>();
        boolean admitted = false;
        for (Change change = changes.poll(); change != null; change = changes.poll()) {
            if (change.admitted() != admitted) {
                tell(keys, admitted);
                keys.clear();
                admitted = change.admitted();
            }
            keys.add(change.chunk().bytes());
        }
        tell(keys, admitted);
    }

    private void tell(List<byte[]> keys, boolean admitted) {
        if (keys.isEmpty()) {
            return;
        }
        if (admitted) {
            client().admit(Tier.HOST, ChunkKeys.of(keys));
        } else {
            client().evict(Tier.HOST, ChunkKeys.of(keys));
        }
    }

    @Override
    public List<ControllerStatus> controllers() {
        return client().controllers();
    }

    @Override
    public boolean awaitRegistered(Deadline deadline) {
        return client().awaitRegistered(deadline);
    }

    @Override
    public boolean awaitPublished(Deadline deadline) {
        changed();
        return client().awaitApplied(deadline);
    }

    @Override
    public void close(Deadline deadline) {
        ClusterClient open = client;
        if (open != null) {
            open.close(deadline);
        }
    }
}
