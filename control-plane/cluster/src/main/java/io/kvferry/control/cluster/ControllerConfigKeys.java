package io.kvferry.control.cluster;

import io.kvferry.spi.ConfigKey;
import java.time.Duration;
import java.util.Set;

/**
 * The configuration keys of a controller. Each store adds its own; {@link Controller#configKeys} has them all.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @since 0.1.0
 */
public final class ControllerConfigKeys {
    private static final Duration SECOND = Duration.ofSeconds(1);
    private static final Duration DAY = Duration.ofHours(24);

    /** Local address. */
    public static final ConfigKey<String> BIND_HOST = ConfigKey.text(
            "kvferry.controller.bind-host",
            "127.0.0.1",
            "Local address that the controller listens on for nodes. Default 127.0.0.1: nobody else reaches it unless that"
                    + " is wanted.");

    /** Port to listen on. */
    public static final ConfigKey<Integer> PORT = ConfigKey.integer(
            "kvferry.controller.port",
            7500,
            0,
            65_535,
            "Port that the controller listens on for nodes; 0 takes any free one. Default 7500.");

    /** Kind of store. */
    public static final ConfigKey<String> STORE = ConfigKey.text(
            "kvferry.controller.store",
            "memory",
            "Where members, leases, orders and pins are kept: memory, file, or another store on the class path. Default"
                    + " memory: nodes register again by themselves after a restart.");

    /** Time of a lease. */
    public static final ConfigKey<Duration> LEASE = ConfigKey.duration(
            "kvferry.controller.lease",
            Duration.ofSeconds(15),
            SECOND,
            DAY,
            "How long a node may be silent before it is gone. The controller tells nodes to keep their lease alive five"
                    + " times within it, and look-ups skip a node after half of it. Default 15s: longer than a collector"
                    + " pause, short enough that nobody waits for a dead node.");

    /** Nodes at one time. */
    public static final ConfigKey<Integer> MAX_NODES = ConfigKey.integer(
            "kvferry.controller.max-nodes",
            65_536,
            1,
            1_000_000,
            "Nodes registered at one time; one more is RESOURCE_EXHAUSTED. Default 65536.");

    /** Largest message. */
    public static final ConfigKey<Long> MAX_MESSAGE_BYTES = ConfigKey.size(
            "kvferry.controller.max-message-bytes",
            4L << 20,
            64L << 10,
            1L << 30,
            "Largest message accepted; a larger one is refused before memory is taken for it. Default 4MiB: a hundred"
                    + " thousand keys; nodes send far smaller ones.");

    /** Calls served at one time. */
    public static final ConfigKey<Integer> MAX_INBOUND_CALLS = ConfigKey.integer(
            "kvferry.controller.max-inbound-calls",
            8192,
            1,
            1_000_000,
            "Look-ups, orders and queries served at one time; one more is RESOURCE_EXHAUSTED. Default 8192.");

    /** Connections. */
    public static final ConfigKey<Integer> MAX_CONNECTIONS = ConfigKey.integer(
            "kvferry.controller.max-connections",
            65_536,
            1,
            1_000_000,
            "Connections accepted at one time; one more is closed. Default 65536: one for each node. The operating"
                    + " system's limit of open files must allow it.");

    /** Deadline of a call that came without one. */
    public static final ConfigKey<Duration> DEFAULT_TIMEOUT = ConfigKey.duration(
            "kvferry.controller.default-timeout",
            Duration.ofSeconds(30),
            Duration.ofMillis(1),
            DAY,
            "Deadline of a call that came without one, and of the first frame of a session. Default 30s.");

    /** How long the store may take. */
    public static final ConfigKey<Duration> STORE_TIMEOUT = ConfigKey.duration(
            "kvferry.controller.store-timeout",
            Duration.ofSeconds(10),
            Duration.ofMillis(1),
            DAY,
            "How long the controller waits for its store, when it opens and when a node registers. Default 10s.");

    /** Time of an order that names none. */
    public static final ConfigKey<Duration> ORDER_TIMEOUT = ConfigKey.duration(
            "kvferry.controller.order-timeout",
            Duration.ofSeconds(30),
            Duration.ofMillis(1),
            DAY,
            "How long nodes may take for an order that names no time. Default 30s.");

    /** How long finished orders are known. */
    public static final ConfigKey<Duration> ORDER_RETENTION = ConfigKey.duration(
            "kvferry.controller.order-retention",
            Duration.ofMinutes(10),
            SECOND,
            DAY,
            "How long a finished order can be asked about. Default 10m.");

    /** Open orders. */
    public static final ConfigKey<Integer> MAX_OPEN_ORDERS = ConfigKey.integer(
            "kvferry.controller.max-open-orders",
            1024,
            1,
            1_000_000,
            "Orders that are not finished; one more is RESOURCE_EXHAUSTED. Default 1024.");

    /** Finished orders. */
    public static final ConfigKey<Integer> MAX_FINISHED_ORDERS = ConfigKey.integer(
            "kvferry.controller.max-finished-orders",
            1024,
            1,
            1_000_000,
            "Finished orders that are kept; the oldest goes first. Default 1024.");

    /** Event loops. */
    public static final ConfigKey<Integer> EVENT_LOOP_THREADS = ConfigKey.integer(
            "kvferry.controller.event-loop-threads",
            2,
            1,
            256,
            "Threads that carry calls and answer look-ups. Default 2: ten thousand look-ups a second.");

    private ControllerConfigKeys() {}

    /**
     * Returns the keys of the controller itself.
     *
     * @return the keys
     */
    public static Set<ConfigKey<?>> all() {
        return Set.of(
                BIND_HOST,
                PORT,
                STORE,
                LEASE,
                MAX_NODES,
                MAX_MESSAGE_BYTES,
                MAX_INBOUND_CALLS,
                MAX_CONNECTIONS,
                DEFAULT_TIMEOUT,
                STORE_TIMEOUT,
                ORDER_TIMEOUT,
                ORDER_RETENTION,
                MAX_OPEN_ORDERS,
                MAX_FINISHED_ORDERS,
                EVENT_LOOP_THREADS);
    }
}
