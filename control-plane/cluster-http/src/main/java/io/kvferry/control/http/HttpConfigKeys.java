package io.kvferry.control.http;

import io.kvferry.spi.ConfigKey;
import java.time.Duration;
import java.util.Set;

/**
 * Configuration keys of the controller's HTTP port.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @since 0.1.0
 */
public final class HttpConfigKeys {
    /** Address to listen on. */
    public static final ConfigKey<String> LISTEN = ConfigKey.text(
            "kvferry.controller.http-listen",
            "127.0.0.1:7480",
            "Local HOST:PORT of the controller's HTTP port: JSON, metrics, dashboard. Port 0 takes a free one. Default"
                    + " loopback: whoever reaches it can give orders, so being reachable from other machines is a decision.");

    /** Longest body. */
    public static final ConfigKey<Long> MAX_BODY = ConfigKey.size(
            "kvferry.controller.http-max-body",
            1L << 20,
            1L << 10,
            64L << 20,
            "Longest body of a request; past it 413. 1MiB: an order with 16000 keys of 32 bytes, or a Mooncake segment of"
                    + " 8000 buffers.");

    /** Most connections. */
    public static final ConfigKey<Integer> MAX_CONNECTIONS = ConfigKey.integer(
            "kvferry.controller.http-max-connections",
            1024,
            1,
            65_536,
            "Connections at one time; one more is closed at once.");

    /** Most streams. */
    public static final ConfigKey<Integer> MAX_STREAMS = ConfigKey.integer(
            "kvferry.controller.http-max-streams",
            64,
            1,
            65_536,
            "Connections of them that may listen to server-sent events, such as open dashboards; past it 429.");

    /** Time of a request. */
    public static final ConfigKey<Duration> REQUEST_TIMEOUT = ConfigKey.duration(
            "kvferry.controller.http-request-timeout",
            Duration.ofSeconds(30),
            Duration.ofMillis(10),
            Duration.ofHours(1),
            "How long a connection may take to bring a whole request, the controller to answer it, and the client to take"
                    + " the answer. Idle connections end after this, too.");

    /** Most keys of Mooncake. */
    public static final ConfigKey<Integer> MAX_METADATA_KEYS = ConfigKey.integer(
            "kvferry.controller.http-max-metadata-keys",
            20_000,
            1,
            1_000_000,
            "Keys that Mooncake processes may have at /metadata; past it 429. 20000: two for each of 10000 processes.");

    private HttpConfigKeys() {}

    /**
     * Returns all keys.
     *
     * @return the keys
     */
    public static Set<ConfigKey<?>> all() {
        return Set.of(LISTEN, MAX_BODY, MAX_CONNECTIONS, MAX_STREAMS, REQUEST_TIMEOUT, MAX_METADATA_KEYS);
    }
}
