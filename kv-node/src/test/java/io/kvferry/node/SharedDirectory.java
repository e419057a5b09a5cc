package io.kvferry.node;

import io.kvferry.control.cluster.ChunkKeys;
import io.kvferry.control.cluster.ControllerStatus;
import io.kvferry.control.cluster.Holder;
import io.kvferry.control.cluster.KeyScheme;
import io.kvferry.control.cluster.LookupAnswer;
import io.kvferry.control.cluster.NodeRegistration;
import io.kvferry.control.cluster.NodeStats;
import io.kvferry.control.cluster.OrderHandler;
import io.kvferry.control.cluster.Tier;
import io.kvferry.engine.TransferEngine;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/** A controller in a map, that can be wrong and can be gone. */
final class SharedDirectory {
    private final Map<String, Entry> nodes = new ConcurrentHashMap<>();
    private final List<String> left = new CopyOnWriteArrayList<>();
    volatile boolean gone;
    volatile boolean complete = true;

    ChunkDirectory open(TransferEngine engine, KeyScheme scheme, BackendConfig settings) {
        Entry entry = new Entry(
                NodeRegistration.of(engine.identity(), engine.address().toString(), scheme));
        nodes.put(engine.identity().nodeId(), entry);
        return entry;
    }

    /** Says that a node holds what it does not hold, or no more. */
    void claim(String node, ChunkKeys keys) {
        IntStream.range(0, keys.size()).forEach(i -> entry(node).admitted(new ChunkId(keys.key(i))));
    }

    /** Forgets what a node holds. */
    void forget(String node, ChunkKeys keys) {
        IntStream.range(0, keys.size()).forEach(i -> entry(node).evicted(new ChunkId(keys.key(i))));
    }

    /** Points to another process than the one that holds the chunks. */
    void move(String node, NodeRegistration registration) {
        entry(node).registration = registration;
    }

    int held(String node) {
        return entry(node).held.size();
    }

    List<String> left() {
        return left;
    }

    OrderHandler orders(String node) {
        return Objects.requireNonNull(entry(node).orders);
    }

    NodeStats stats(String node) {
        return Objects.requireNonNull(entry(node).stats).get();
    }

    private Entry entry(String node) {
        return Objects.requireNonNull(nodes.get(node));
    }

    private final class Entry implements ChunkDirectory {
        private final Set<ChunkId> held = ConcurrentHashMap.newKeySet();
        private volatile NodeRegistration registration;
        private volatile OrderHandler orders;
        private volatile Supplier<NodeStats> stats;

        Entry(NodeRegistration registration) {
            this.registration = registration;
        }

        @Override
        public LookupAnswer lookup(ChunkKeys keys, Deadline deadline) {
            if (gone) {
                throw new TransferException(
                        TransferErrorCode.CONNECTION_FAILED, Stage.PREPARE, "no controller can be reached");
            }
            List<Holder> holders = new ArrayList<>();
            for (Entry other : nodes.values()) {
                int chunks = 0;
                while (chunks < keys.size() && other.held.contains(new ChunkId(keys.key(chunks)))) {
                    chunks++;
                }
                if (other != this && chunks > 0) {
                    holders.add(new Holder(other.registration, chunks, Tier.HOST, 0));
                }
            }
            holders.sort(Comparator.comparingInt(Holder::chunks)
                    .reversed()
                    .thenComparing(holder -> holder.node().identity().nodeId()));
            return new LookupAnswer(holders.isEmpty() ? 0 : holders.getFirst().chunks(), holders, complete);
        }

        @Override
        public void start(OrderHandler newOrders, Supplier<NodeStats> newStats) {
            orders = newOrders;
            stats = newStats;
        }

        @Override
        public void admitted(ChunkId chunk) {
            held.add(chunk);
        }

        @Override
        public void evicted(ChunkId chunk) {
            held.remove(chunk);
        }

        @Override
        public void changed() {}

        @Override
        public List<ControllerStatus> controllers() {
            return List.of(new ControllerStatus(new PeerAddress("map", 1), true, true, Optional.of("a \"map\"")));
        }

        @Override
        public boolean awaitRegistered(Deadline deadline) {
            return true;
        }

        @Override
        public boolean awaitPublished(Deadline deadline) {
            return true;
        }

        @Override
        public void close(Deadline deadline) {
            left.add(registration.identity().nodeId());
        }
    }
}
