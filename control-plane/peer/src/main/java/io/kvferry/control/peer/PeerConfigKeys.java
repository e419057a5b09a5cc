package io.kvferry.control.peer;

import io.kvferry.spi.ConfigKey;
import java.time.Duration;
import java.util.Set;

/**
 * The configuration keys of peer control over gRPC.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @since 0.1.0
 */
public final class PeerConfigKeys {
    private static final Duration SECOND = Duration.ofSeconds(1);
    private static final Duration DAY = Duration.ofHours(24);

    /** Port to listen on. */
    public static final ConfigKey<Integer> PORT = ConfigKey.integer(
            "kvferry.peer.port",
            0,
            0,
            65_535,
            "Port that peer control listens on; 0 takes any free one. Default 0: several nodes on one machine just work,"
                    + " and a node's address is told to its peers, not guessed. Behind a firewall set one, such as 7400.");

    /** Local address. */
    public static final ConfigKey<String> BIND_HOST = ConfigKey.text(
            "kvferry.peer.bind-host",
            "",
            "Local address that peer control listens on, where it differs from kvferry.bind-host. Empty: the same.");

    /** Address that peers dial. */
    public static final ConfigKey<String> ADVERTISED_HOST = ConfigKey.text(
            "kvferry.peer.advertised-host",
            "",
            "Address that peers dial for peer control, where it differs from kvferry.advertised-host. Empty: the same, or"
                    + " kvferry.peer.bind-host where that is set.");

    /** Largest message. */
    public static final ConfigKey<Long> MAX_MESSAGE_BYTES = ConfigKey.size(
            "kvferry.peer.max-message-bytes",
            16L << 20,
            4L << 10,
            1L << 30,
            "Largest message sent or accepted; a larger one is refused before memory is taken for it. Default 16MiB: a"
                    + " PREPARE of two million blocks of one size.");

    /** Calls served at one time. */
    public static final ConfigKey<Integer> MAX_INBOUND_CALLS = ConfigKey.integer(
            "kvferry.peer.max-inbound-calls",
            8192,
            1,
            1_000_000,
            "Calls and channels of all peers served at one time; one more is RESOURCE_EXHAUSTED. Default 8192: twice the"
                    + " PREPAREs that may wait for their offers.");

    /** Calls to one peer at one time. */
    public static final ConfigKey<Integer> MAX_CALLS_PER_PEER = ConfigKey.integer(
            "kvferry.peer.max-calls-per-peer",
            2048,
            1,
            1_000_000,
            "Calls and channels to one peer, and accepted on one connection, at one time; one more is RESOURCE_EXHAUSTED."
                    + " Default 2048: one peer cannot take all of max-inbound-calls.");

    /** Connections to peers. */
    public static final ConfigKey<Integer> MAX_CONNECTIONS = ConfigKey.integer(
            "kvferry.peer.max-connections",
            1024,
            1,
            65_536,
            "Connections to peers that are kept, and connections from peers that are accepted, each. The least recently"
                    + " used idle one is closed for a new peer; with none idle it is RESOURCE_EXHAUSTED. Default 1024.");

    /** Time to connect. */
    public static final ConfigKey<Duration> CONNECT_TIMEOUT = ConfigKey.duration(
            "kvferry.peer.connect-timeout",
            Duration.ofSeconds(3),
            Duration.ofMillis(1),
            DAY,
            "How long connecting to a peer may take, within the call's deadline. Default 3s: two lost SYNs.");

    /** Interval between keep-alive pings. */
    public static final ConfigKey<Duration> KEEPALIVE_INTERVAL = ConfigKey.duration(
            "kvferry.peer.keepalive-interval",
            Duration.ofSeconds(10),
            Duration.ofSeconds(10),
            DAY,
            "After how long without a byte a connection in use is probed. Default 10s: a frozen peer is noticed within 15s"
                    + " together with keepalive-timeout, long before TCP would.");

    /** How long a ping may be unanswered. */
    public static final ConfigKey<Duration> KEEPALIVE_TIMEOUT = ConfigKey.duration(
            "kvferry.peer.keepalive-timeout",
            Duration.ofSeconds(5),
            Duration.ofMillis(10),
            DAY,
            "How long a probe may be unanswered before the connection counts as lost. Default 5s: longer than a collector"
                    + " pause.");

    /** After how long an unused connection is closed. */
    public static final ConfigKey<Duration> IDLE_TIMEOUT = ConfigKey.duration(
            "kvferry.peer.idle-timeout",
            Duration.ofMinutes(10),
            SECOND,
            DAY,
            "After how long without a call a connection is closed; the next call connects again. An accepted one is closed"
                    + " after twice as long. Default 10m: reconnecting costs a millisecond.");

    /** Deadline of a call that came without one. */
    public static final ConfigKey<Duration> DEFAULT_TIMEOUT = ConfigKey.duration(
            "kvferry.peer.default-timeout",
            Duration.ofSeconds(30),
            Duration.ofMillis(1),
            DAY,
            "Deadline of a peer's call or channel that came without one. KVFerry's own always have one. Default 30s.");

    /** Bytes that wait in one channel. */
    public static final ConfigKey<Long> CHANNEL_QUEUE_BYTES = ConfigKey.size(
            "kvferry.peer.channel-queue-bytes",
            4L << 20,
            1L << 10,
            1L << 30,
            "Bytes that may wait to be sent on one transfer's channel, and so the largest message on it; past it the"
                    + " channel breaks with RESOURCE_EXHAUSTED. Default 4MiB: backends announce parts, they send no data.");

    /** Messages that wait in one channel. */
    public static final ConfigKey<Integer> CHANNEL_QUEUE_MESSAGES = ConfigKey.integer(
            "kvferry.peer.channel-queue-messages",
            4096,
            1,
            1_000_000,
            "Messages that may wait to be sent on one transfer's channel; past it the channel breaks with"
                    + " RESOURCE_EXHAUSTED. Default 4096: every layer of any model, many times.");

    /** Event loops. */
    public static final ConfigKey<Integer> EVENT_LOOP_THREADS = ConfigKey.integer(
            "kvferry.peer.event-loop-threads",
            2,
            1,
            64,
            "Threads that carry calls. Default 2: ten thousand calls per second, and a large message of one peer leaves"
                    + " one for the others.");

    /** This node's certificate. */
    public static final ConfigKey<String> TLS_CERTIFICATE = ConfigKey.text(
            "kvferry.peer.tls-certificate",
            "",
            "File of this node's certificate, with the chain behind it, PEM. With tls-key and tls-trust it turns mutual TLS"
                    + " between nodes on, for peer control: leases, keys and notifications, not the bytes of a backend."
                    + " Empty: no TLS; keep the port on a private network.");

    /** The certificate's key. */
    public static final ConfigKey<String> TLS_KEY = ConfigKey.text(
            "kvferry.peer.tls-key",
            "",
            "File of the private key of kvferry.peer.tls-certificate, PKCS #8, PEM, not encrypted. Empty: no TLS.");

    /** Whom to trust. */
    public static final ConfigKey<String> TLS_TRUST = ConfigKey.text(
            "kvferry.peer.tls-trust",
            "",
            "File of the authorities, or of the very certificates, that a peer's certificate must come from, PEM; nobody"
                    + " else is let in. Empty: no TLS.");

    /** The name in a peer's certificate. */
    public static final ConfigKey<String> TLS_PEER_NAME = ConfigKey.text(
            "kvferry.peer.tls-peer-name",
            "",
            "Name that the certificate of each dialled peer must carry, such as kvferry-node, for clusters that give all"
                    + " nodes one. Empty: the host name or address that was dialled.");

    private PeerConfigKeys() {}

    /**
     * Returns all keys of peer control.
     *
     * @return the keys
     */
    public static Set<ConfigKey<?>> all() {
        return Set.of(
                PORT,
                BIND_HOST,
                ADVERTISED_HOST,
                MAX_MESSAGE_BYTES,
                MAX_INBOUND_CALLS,
                MAX_CALLS_PER_PEER,
                MAX_CONNECTIONS,
                CONNECT_TIMEOUT,
                KEEPALIVE_INTERVAL,
                KEEPALIVE_TIMEOUT,
                IDLE_TIMEOUT,
                DEFAULT_TIMEOUT,
                CHANNEL_QUEUE_BYTES,
                CHANNEL_QUEUE_MESSAGES,
                EVENT_LOOP_THREADS,
                TLS_CERTIFICATE,
                TLS_KEY,
                TLS_TRUST,
                TLS_PEER_NAME);
    }
}
