package io.kvferry.backend.mooncake;

import io.kvferry.spi.ConfigKey;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * The configuration keys of the Mooncake backend, each with its default and why.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @since 0.1.0
 */
public final class MooncakeConfigKeys {
    /** What moves the bytes. */
    public static final ConfigKey<MooncakeEngineKind> ENGINE = ConfigKey.oneOf(
            "kvferry.mooncake.engine",
            MooncakeEngineKind.WIRE,
            "wire speaks Mooncake's TCP protocol in Java and needs nothing. native drives the installed libtransfer_engine,"
                    + " for RDMA, EFA and what else it moves bytes by; both nodes of a transfer run the same engine.");

    /** The library of the native engine. */
    public static final ConfigKey<String> NATIVE_LIBRARY = ConfigKey.text(
            "kvferry.mooncake.native-library",
            "libtransfer_engine.so",
            "File name or path of Mooncake's transfer engine, built as a shared library. Read by the native engine alone.");

    /** What the native engine moves bytes by. */
    public static final ConfigKey<String> NATIVE_TRANSPORT = ConfigKey.text(
            "kvferry.mooncake.native-transport",
            "tcp",
            "What the native engine moves bytes by, in Mooncake's words: tcp, rdma, efa. Two nodes need the same.");

    /** Where registered memory is, for the native engine. */
    public static final ConfigKey<String> NATIVE_LOCATION = ConfigKey.text(
            "kvferry.mooncake.native-location",
            "*",
            "Where registered memory is, in Mooncake's words, by which the native engine chooses network cards: cpu:0, cpu:1;"
                    + " * lets it look.");

    /** Blocks of one native batch. */
    public static final ConfigKey<Integer> NATIVE_BATCH = ConfigKey.integer(
            "kvferry.mooncake.native-batch",
            32,
            1,
            4096,
            "Blocks in one batch of the native engine. Larger costs less per block; a batch is applied as a whole.");

    /** Native batches in flight. */
    public static final ConfigKey<Integer> NATIVE_BATCHES = ConfigKey.integer(
            "kvferry.mooncake.native-batches",
            16,
            1,
            65536,
            "Batches that the native engine has in hand at one time. Its TCP lanes refuse more than 1024 requests that wait"
                    + " for one peer.");

    /** Longest pause between questions to the native engine. */
    public static final ConfigKey<Duration> NATIVE_POLL_INTERVAL = ConfigKey.duration(
            "kvferry.mooncake.native-poll-interval",
            Duration.ofMillis(1),
            Duration.ofNanos(1000),
            Duration.ofSeconds(1),
            "Longest pause between two questions to the native engine while something is in flight; an idle one is asked for"
                    + " notifications a twentieth as often. It calls nobody back; pauses begin at 5 us and double while"
                    + " nothing changes.");

    /** Local address to listen on. */
    public static final ConfigKey<String> BIND_HOST = ConfigKey.text(
            "kvferry.mooncake.bind-host",
            "",
            "Local address to listen on. Empty takes the node's, kvferry.bind-host. The protocol has no authentication:"
                    + " keep it on a private network.");

    /** Address that peers dial. */
    public static final ConfigKey<String> ADVERTISED_HOST = ConfigKey.text(
            "kvferry.mooncake.advertised-host",
            "",
            "Address that peers dial, and the first part of the segment name. Empty takes the node's,"
                    + " kvferry.advertised-host.");

    /** Port of the handshake. */
    public static final ConfigKey<Integer> HANDSHAKE_PORT = ConfigKey.integer(
            "kvferry.mooncake.handshake-port",
            0,
            0,
            65535,
            "Port where peers ask for our segment, the second part of its name. 0 takes a free one; set it where foreign"
                    + " peers are told the name beforehand.");

    /** Port of the data plane. */
    public static final ConfigKey<Integer> DATA_PORT = ConfigKey.integer(
            "kvferry.mooncake.data-port",
            0,
            0,
            65535,
            "Port of the data plane. 0 takes a free one: peers learn it from the segment. Set it for a firewall.");

    /** How segments are found. */
    public static final ConfigKey<String> METADATA = ConfigKey.text(
            "kvferry.mooncake.metadata",
            "P2PHANDSHAKE",
            "How segments of foreign peers are found: P2PHANDSHAKE asks the peer itself; http://host:port/metadata asks"
                    + " Mooncake's metadata server and publishes there. etcd and redis are not spoken.");

    /** Name of our segment at a metadata server. */
    public static final ConfigKey<String> SEGMENT_NAME = ConfigKey.text(
            "kvferry.mooncake.segment-name",
            "",
            "Name of our segment at a metadata server. Empty takes advertised host and handshake port, which is always the"
                    + " name without one.");

    /** Connections per target. */
    public static final ConfigKey<Integer> LANES = ConfigKey.integer(
            "kvferry.mooncake.lanes",
            2,
            1,
            64,
            "Data connections to each target, shared by all transfers. One is one core on each side.");

    /** Bytes that justify one more connection. */
    public static final ConfigKey<Long> STRIPE = ConfigKey.size(
            "kvferry.mooncake.stripe",
            8L << 20,
            1,
            1L << 40,
            "Blocks submitted together are spread over one more connection per this many bytes.");

    /** Most payload of one request. */
    public static final ConfigKey<Long> SLICE = ConfigKey.size(
            "kvferry.mooncake.slice",
            512L << 10,
            4L << 10,
            16L << 20,
            "Most payload of one request, and what one transfer sends before the next has its turn. Smaller costs more"
                    + " answers; larger delays cancel, which waits for the request that has begun.");

    /** Requests under way per connection. */
    public static final ConfigKey<Integer> PIPELINE = ConfigKey.integer(
            "kvferry.mooncake.pipeline",
            128,
            1,
            4096,
            "Requests under way on one connection. More hide the latency of the answers; 1 is what the native engine"
                    + " does.");

    /** Bytes asked for ahead. */
    public static final ConfigKey<Long> READ_AHEAD = ConfigKey.size(
            "kvferry.mooncake.read-ahead",
            8L << 20,
            4L << 10,
            1L << 30,
            "Bytes asked for on one connection that have not come yet. What a cancelled READ has asked for is still sent,"
                    + " and thrown away.");

    /** Bytes queued per connection. */
    public static final ConfigKey<Long> SEND_QUEUE = ConfigKey.size(
            "kvferry.mooncake.send-queue",
            16L << 20,
            64L << 10,
            1L << 30,
            "Bytes handed to a connection before the kernel took them. Fewer mean more wake-ups, more delay cancel.");

    /** Threads that drive connections. */
    public static final ConfigKey<Integer> EVENT_LOOP_THREADS = ConfigKey.integer(
            "kvferry.mooncake.event-loop-threads",
            0,
            0,
            256,
            "Threads that drive connections. 0 takes one per core, at least 2 and at most 8.");

    /** Reads in one turn of the event loop. */
    public static final ConfigKey<Integer> READS_PER_WAKEUP = ConfigKey.integer(
            "kvferry.mooncake.reads-per-wakeup",
            64,
            1,
            4096,
            "Reads from one connection before its event loop looks after others.");

    /** Longest time to connect. */
    public static final ConfigKey<Duration> CONNECT_TIMEOUT = ConfigKey.duration(
            "kvferry.mooncake.connect-timeout",
            Duration.ofSeconds(3),
            Duration.ofMillis(1),
            Duration.ofMinutes(10),
            "Longest time to connect. Three seconds survive one lost SYN.");

    /** Longest time of a handshake. */
    public static final ConfigKey<Duration> HANDSHAKE_TIMEOUT = ConfigKey.duration(
            "kvferry.mooncake.handshake-timeout",
            Duration.ofSeconds(5),
            Duration.ofMillis(1),
            Duration.ofMinutes(10),
            "Longest time of a handshake, on both sides, and of a request to a metadata server. A peer that stays silent"
                    + " longer is cut off; it holds up nobody else meanwhile.");

    /** Longest message of a handshake. */
    public static final ConfigKey<Long> HANDSHAKE_MAX_LENGTH = ConfigKey.size(
            "kvferry.mooncake.handshake-max-length",
            16L << 20,
            1L << 10,
            128L << 20,
            "Longest handshake message accepted. A segment has about 64 bytes a buffer; the native engine accepts 1 MiB"
                    + " unless MC_HANDSHAKE_MAX_LENGTH says otherwise.");

    /** Longest time without progress. */
    public static final ConfigKey<Duration> PROGRESS_TIMEOUT = ConfigKey.duration(
            "kvferry.mooncake.progress-timeout",
            Duration.ofSeconds(10),
            Duration.ofMillis(4),
            Duration.ofHours(1),
            "A connection with requests outstanding on which nothing moves for this long is dropped, and its transfers fail"
                    + " with PEER_LOST.");

    /** How long an unused connection is kept. */
    public static final ConfigKey<Duration> IDLE_TIMEOUT = ConfigKey.duration(
            "kvferry.mooncake.idle-timeout",
            Duration.ofMinutes(5),
            Duration.ofMillis(1),
            Duration.ofHours(24),
            "Connections to a target that no transfer has used for this long are closed.");

    /** How long a foreign segment is believed. */
    public static final ConfigKey<Duration> SEGMENT_MAX_AGE = ConfigKey.duration(
            "kvferry.mooncake.segment-max-age",
            Duration.ZERO,
            Duration.ZERO,
            Duration.ofHours(24),
            "How long the segment of a foreign peer is believed without asking again. 0s asks at every prepare, so that no"
                    + " transfer starts towards a former life of the peer; a transfer that fails always makes the next ask.");

    /** Foreign segments remembered. */
    public static final ConfigKey<Integer> MAX_SEGMENTS = ConfigKey.integer(
            "kvferry.mooncake.max-segments",
            1024,
            1,
            1_000_000,
            "Foreign segments remembered; the longest unused one is forgotten first.");

    /** Most connections accepted at one time, and as many dialed. */
    public static final ConfigKey<Integer> MAX_CONNECTIONS = ConfigKey.integer(
            "kvferry.mooncake.max-connections",
            4096,
            1,
            1_000_000,
            "Most data connections accepted at one time, as many dialed, and as many handshakes. Past it a new one is"
                    + " refused. Native peers open a connection per request unless MC_TCP_ENABLE_CONNECTION_POOL=1.");

    /** Most transfers at one time. */
    public static final ConfigKey<Integer> MAX_TRANSFERS = ConfigKey.integer(
            "kvferry.mooncake.max-transfers",
            16384,
            1,
            1 << 24,
            "Most transfers at one time as initiator, and as many as target. Past it prepare and accept answer"
                    + " RESOURCE_EXHAUSTED.");

    private MooncakeConfigKeys() {}

    /**
     * Returns all keys.
     *
     * @return the keys, in the order of this page
     */
    public static Set<ConfigKey<?>> all() {
        return new LinkedHashSet<>(List.of(
                ENGINE,
                NATIVE_LIBRARY,
                NATIVE_TRANSPORT,
                NATIVE_LOCATION,
                NATIVE_BATCH,
                NATIVE_BATCHES,
                NATIVE_POLL_INTERVAL,
                BIND_HOST,
                ADVERTISED_HOST,
                HANDSHAKE_PORT,
                DATA_PORT,
                METADATA,
                SEGMENT_NAME,
                LANES,
                STRIPE,
                SLICE,
                PIPELINE,
                READ_AHEAD,
                SEND_QUEUE,
                EVENT_LOOP_THREADS,
                READS_PER_WAKEUP,
                CONNECT_TIMEOUT,
                HANDSHAKE_TIMEOUT,
                HANDSHAKE_MAX_LENGTH,
                PROGRESS_TIMEOUT,
                IDLE_TIMEOUT,
                SEGMENT_MAX_AGE,
                MAX_SEGMENTS,
                MAX_CONNECTIONS,
                MAX_TRANSFERS));
    }
}
