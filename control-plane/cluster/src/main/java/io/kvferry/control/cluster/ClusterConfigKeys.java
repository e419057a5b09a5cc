package io.kvferry.control.cluster;

import io.kvferry.spi.ConfigKey;
import java.time.Duration;
import java.util.List;
import java.util.Set;

/**
 * The configuration keys of a node, or a tool, that talks to controllers.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @since 0.1.0
 */
public final class ClusterConfigKeys {
    private static final Duration DAY = Duration.ofHours(24);

    /** Where controllers are. */
    public static final ConfigKey<List<String>> CONTROLLERS = ConfigKey.list(
            "kvferry.cluster.controllers",
            List.of("127.0.0.1:7500"),
            "Addresses of all controllers, as HOST:PORT separated by commas. A node registers with each; look-ups go to one"
                    + " that works. Default: one on this machine.");

    /** Time to connect. */
    public static final ConfigKey<Duration> CONNECT_TIMEOUT = ConfigKey.duration(
            "kvferry.cluster.connect-timeout",
            Duration.ofSeconds(3),
            Duration.ofMillis(1),
            DAY,
            "How long connecting to a controller may take. Default 3s: two lost SYNs.");

    /** Longest pause before a controller is tried again. */
    public static final ConfigKey<Duration> MAX_RECONNECT_DELAY = ConfigKey.duration(
            "kvferry.cluster.max-reconnect-delay",
            Duration.ofSeconds(2),
            Duration.ofMillis(10),
            DAY,
            "Longest pause before a controller that cannot be reached is tried again; the first ones are shorter. Default"
                    + " 2s: a node is back well within its lease.");

    /** Changes that wait for a controller. */
    public static final ConfigKey<Integer> MAX_PENDING_KEYS = ConfigKey.integer(
            "kvferry.cluster.max-pending-keys",
            262_144,
            1024,
            100_000_000,
            "Changed chunks that may wait to be sent to a controller; past it all the node holds is sent anew, once the"
                    + " controller takes it. Default 262144: 8 MiB of keys.");

    /** Largest message. */
    public static final ConfigKey<Long> MAX_MESSAGE_BYTES = ConfigKey.size(
            "kvferry.cluster.max-message-bytes",
            4L << 20,
            64L << 10,
            1L << 30,
            "Largest message accepted from a controller. Default 4MiB.");

    private ClusterConfigKeys() {}

    /**
     * Returns all keys.
     *
     * @return the keys
     */
    public static Set<ConfigKey<?>> all() {
        return Set.of(CONTROLLERS, CONNECT_TIMEOUT, MAX_RECONNECT_DELAY, MAX_PENDING_KEYS, MAX_MESSAGE_BYTES);
    }
}
