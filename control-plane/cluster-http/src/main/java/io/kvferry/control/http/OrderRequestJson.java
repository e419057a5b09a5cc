package io.kvferry.control.http;

import io.kvferry.control.cluster.ChunkKeys;
import io.kvferry.control.cluster.OrderAction;
import io.kvferry.control.cluster.OrderRequest;
import io.kvferry.control.cluster.Tier;
import io.kvferry.spi.PeerIdentity;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * An order to be given. Which fields there are depends on the action.
 *
 * @param action pin, unpin, clear, move, copy, health or query-node
 * @param nodes ids of nodes or names of instances; all nodes without
 * @param keys hexadecimal; of pin, unpin, move and copy
 * @param ttlMillis how long a pin lasts
 * @param tier where to clear; everywhere without
 * @param destination id of the node that takes what is moved or copied
 * @param timeoutMillis after which a node that has not answered counts as failed
 */
record OrderRequestJson(
        @Nullable String action,
        @Nullable List<String> nodes,
        @Nullable List<String> keys,
        @Nullable Long ttlMillis,
        @Nullable String tier,
        @Nullable String destination,
        @Nullable Long timeoutMillis) {
    private static final long USUAL_TIMEOUT_MILLIS = 10_000;
    private static final long LONGEST_MILLIS = Duration.ofDays(365).toMillis();

    /** The order, once the destination is known to be somebody. */
    OrderRequest order(Function<String, PeerIdentity> nodeOf) {
        return new OrderRequest(
                action(nodeOf),
                Objects.requireNonNullElse(nodes, List.of()),
                millis("timeoutMillis", Objects.requireNonNullElse(timeoutMillis, USUAL_TIMEOUT_MILLIS)));
    }

    private OrderAction action(Function<String, PeerIdentity> nodeOf) {
        String name = ChainJson.required("action", action);
        return switch (name) {
            case "pin" ->
                new OrderAction.Pin(chunks(), millis("ttlMillis", ChainJson.required("ttlMillis", ttlMillis)));
            case "unpin" -> new OrderAction.Unpin(chunks());
            case "clear" -> new OrderAction.Clear(Optional.ofNullable(tier).map(OrderRequestJson::tier));
            case "move" -> move(nodeOf, false);
            case "copy" -> move(nodeOf, true);
            case "health" -> new OrderAction.Health();
            case "query-node" -> new OrderAction.QueryNode();
            default ->
                throw new IllegalArgumentException(
                        "action=" + name + " is none of pin, unpin, clear, move, copy, health, query-node");
        };
    }

    private OrderAction.Move move(Function<String, PeerIdentity> nodeOf, boolean keepSource) {
        PeerIdentity to = nodeOf.apply(ChainJson.required("destination", destination));
        return new OrderAction.Move(chunks(), to, Map.of(), keepSource);
    }

    private ChunkKeys chunks() {
        return ChainJson.keys(ChainJson.required("keys", keys));
    }

    private static Duration millis(String field, long value) {
        if (value < 1 || value > LONGEST_MILLIS) {
            throw new IllegalArgumentException(field + "=" + value + " is not 1 to " + LONGEST_MILLIS);
        }
        return Duration.ofMillis(value);
    }

    private static Tier tier(String name) {
        return Arrays.stream(Tier.values())
                .filter(tier -> tier.name().equals(name.toUpperCase(Locale.ROOT)))
                .findFirst()
                .orElseThrow(() ->
                        new IllegalArgumentException("tier=" + name + " is none of " + Arrays.toString(Tier.values())));
    }
}
