package io.kvferry.control.cluster;

import com.google.protobuf.InvalidProtocolBufferException;
import io.kvferry.control.cluster.wire.StoreProto;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is pinned where, for people to see and for a controller that comes later. The nodes themselves keep the time of
 * their pins.
 *
 * <p><b>Threads:</b> Thread-safe; {@link #follow} waits for the store.
 */
final class Pins implements StoreListener {
    /** Prefix of the store's keys. */
    static final String PREFIX = "pins/";

    private static final Logger LOG = LoggerFactory.getLogger(Pins.class);

    private final ControllerContext context;
    private final ClusterStore store;
    /** By the store's key. */
    private final Map<String, Pin> pins = new ConcurrentHashMap<>();

    Pins(ControllerContext context, ClusterStore store) {
        this.context = context;
        this.store = store;
    }

    private record Pin(StoreEntry entry, ChunkKeys keys, List<String> nodes) {}

    /** Writes down what a finished order has pinned or unpinned. */
    void follow(OrderStatus order, Deadline deadline) {
        List<String> done = order.results().entrySet().stream()
                .filter(result -> result.getValue().isDone())
                .map(Map.Entry::getKey)
                .sorted()
                .toList();
        if (done.isEmpty()) {
            return;
        }
        switch (order.request().action()) {
            case OrderAction.Pin pin -> {
                long lease = store.grant(pin.ttl(), deadline);
                store.replace(PREFIX + order.id(), encode(pin.keys(), done), lease, 0, deadline);
            }
            case OrderAction.Unpin unpin -> unpin(unpin.keys(), Set.copyOf(done), deadline);
            case OrderAction.Clear _, OrderAction.Move _, OrderAction.Health _, OrderAction.QueryNode _ -> {
                // nothing is pinned or unpinned
            }
        }
    }

    private void unpin(ChunkKeys keys, Set<String> nodes, Deadline deadline) {
        Set<String> unpinned = hex(keys);
        for (Pin known : List.copyOf(pins.values())) {
            Optional<Pin> pin = Optional.of(known);
            // what is known may be older than what the store has
            while (pin.isPresent() && !narrow(pin.get(), unpinned, nodes, deadline)) {
                pin = store.get(known.entry.key(), deadline).flatMap(this::decode);
            }
        }
    }

    /**
     * Takes chunks from what one order has pinned, at some of its nodes perhaps.
     *
     * @return false if the store has another entry than this one
     */
    private boolean narrow(Pin pin, Set<String> unpinned, Set<String> nodes, Deadline deadline) {
        List<String> there = pin.nodes.stream().filter(nodes::contains).toList();
        List<String> elsewhere =
                pin.nodes.stream().filter(node -> !nodes.contains(node)).toList();
        List<byte[]> left = new ArrayList<>();
        for (int i = 0; i < pin.keys.size(); i++) {
            if (!unpinned.contains(HexFormat.of().formatHex(pin.keys.key(i)))) {
                left.add(pin.keys.key(i));
            }
        }
        if (there.isEmpty() || left.size() == pin.keys.size()) {
            return true;
        }
        if (elsewhere.isEmpty()) {
            return left.isEmpty()
                    ? store.remove(pin.entry.key(), pin.entry.revision(), deadline)
                    : replace(pin, ChunkKeys.of(left), there, deadline);
        }
        if (!replace(pin, pin.keys, elsewhere, deadline)) {
            return false;
        }
        if (!left.isEmpty()) {
            String rest = pin.entry.key() + "-" + TransferId.random();
            store.replace(rest, encode(ChunkKeys.of(left), there), pin.entry.lease(), 0, deadline);
        }
        return true;
    }

    private boolean replace(Pin pin, ChunkKeys keys, List<String> nodes, Deadline deadline) {
        StoreEntry entry = pin.entry;
        return store.replace(entry.key(), encode(keys, nodes), entry.lease(), entry.revision(), deadline)
                .isPresent();
    }

    private static Set<String> hex(ChunkKeys keys) {
        Set<String> hex = new TreeSet<>();
        for (int i = 0; i < keys.size(); i++) {
            hex.add(HexFormat.of().formatHex(keys.key(i)));
        }
        return hex;
    }

    private static byte[] encode(ChunkKeys keys, List<String> nodes) {
        return StoreProto.StoredPin.newBuilder()
                .setKeys(WireEncoder.keys(keys))
                .setKeyBytes(keys.keyBytes())
                .addAllNodes(nodes)
                .build()
                .toByteArray();
    }

    @Override
    public void written(StoreEntry entry) {
        decode(entry).ifPresent(pin -> pins.put(entry.key(), pin));
    }

    private Optional<Pin> decode(StoreEntry entry) {
        try {
            StoreProto.StoredPin stored = StoreProto.StoredPin.parseFrom(entry.value());
            ChunkKeys keys = WireDecoder.keys(stored.getKeys(), stored.getKeyBytes(), "keys");
            return Optional.of(new Pin(entry, keys, List.copyOf(stored.getNodesList())));
        } catch (InvalidProtocolBufferException | TransferException e) {
            context.counters().increment(Counter.STORE_ENTRIES_IGNORED);
            LOG.warn("ignored an entry of the store that is no pin: {}", entry, e);
            return Optional.empty();
        }
    }

    @Override
    public void removed(String key, long revision) {
        pins.remove(key);
    }

    int count() {
        return pins.size();
    }
}
