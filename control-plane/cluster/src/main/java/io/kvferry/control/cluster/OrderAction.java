package io.kvferry.control.cluster;

import io.kvferry.spi.PeerIdentity;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * What an order asks its nodes to do.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @since 0.1.0
 */
public sealed interface OrderAction {
    /**
     * Keeps chunks from being evicted. A node pins those it holds, all or none in one call, and forgets the pin by itself
     * when its time is over; pinning again makes it longer.
     *
     * @param keys which chunks
     * @param ttl for how long
     */
    record Pin(ChunkKeys keys, Duration ttl) implements OrderAction {
        /** Checks the time. */
        public Pin {
            Objects.requireNonNull(keys, "keys");
            if (!ttl.isPositive()) {
                throw new IllegalArgumentException("a pin lasts longer than " + ttl);
            }
        }
    }

    /**
     * Lets pinned chunks be evicted again.
     *
     * @param keys which chunks
     */
    record Unpin(ChunkKeys keys) implements OrderAction {}

    /**
     * Drops every chunk that is neither pinned nor in use.
     *
     * @param tier only there; empty for everywhere
     */
    record Clear(Optional<Tier> tier) implements OrderAction {}

    /**
     * Has the nodes of the order, who hold the chunks, send them to another node. They are evicted at the source once they
     * have arrived, unless they shall be kept.
     *
     * @param keys which chunks
     * @param destination who takes them
     * @param addresses where the destination can be reached; filled in by the controller
     * @param keepSource true for a copy
     */
    record Move(ChunkKeys keys, PeerIdentity destination, Map<String, String> addresses, boolean keepSource)
            implements OrderAction {
        /** Copies the addresses. */
        public Move {
            Objects.requireNonNull(keys, "keys");
            Objects.requireNonNull(destination, "destination");
            addresses = Map.copyOf(addresses);
        }
    }

    /** Asks whether the node can do its work; its answer's details say what it found. */
    record Health() implements OrderAction {}

    /** Asks for what the node knows of itself, as details. */
    record QueryNode() implements OrderAction {}

    /**
     * Returns the action's name on every interface.
     *
     * @return for example {@code pin}
     */
    default String name() {
        return switch (this) {
            case Pin _ -> "pin";
            case Unpin _ -> "unpin";
            case Clear _ -> "clear";
            case Move move -> move.keepSource() ? "copy" : "move";
            case Health _ -> "health";
            case QueryNode _ -> "query-node";
        };
    }
}
