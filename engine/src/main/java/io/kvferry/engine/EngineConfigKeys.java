package io.kvferry.engine;

import io.kvferry.spi.ChecksumMode;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Isolation;
import java.time.Duration;
import java.util.List;
import java.util.Set;

/**
 * The engine's configuration keys.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @since 0.1.0
 */
public final class EngineConfigKeys {
    private static final Duration DAY = Duration.ofHours(24);
    private static final Duration MILLISECOND = Duration.ofMillis(1);

    /** The backends to open, in order of preference. */
    public static final ConfigKey<List<String>> BACKEND = ConfigKey.list(
            "kvferry.backend",
            List.of("tcp"),
            "Backends to open, in order of preference. The first one that both sides have with the same wire id is used;"
                    + " a name that is missing or cannot run here is an error, never a silent fallback. Default tcp:"
                    + " it runs between any two machines.");

    /** This node's name. */
    public static final ConfigKey<String> NODE_ID = ConfigKey.text(
            "kvferry.node-id",
            "",
            "This node's name, the same after a restart. Empty: a random one, for nodes that nobody looks up by name.");

    /** Which implementation of peer control. */
    public static final ConfigKey<String> PEER_CONTROL = ConfigKey.text(
            "kvferry.peer-control",
            "grpc",
            "Implementation of peer control. Default grpc: the only one that crosses machines.");

    /** Local address. */
    public static final ConfigKey<String> BIND_HOST = ConfigKey.text(
            "kvferry.bind-host",
            "127.0.0.1",
            "Local address that peer control and the backends listen on. Default loopback: being reachable from other"
                    + " machines is a decision, not an accident. Use 0.0.0.0 with kvferry.advertised-host.");

    /** Address that peers dial. */
    public static final ConfigKey<String> ADVERTISED_HOST =
            ConfigKey.text("kvferry.advertised-host", "", "Address that peers dial. Empty: the bind host.");

    /** What both sides must agree on. */
    public static final ConfigKey<String> COMPATIBILITY = ConfigKey.text(
            "kvferry.compatibility",
            "",
            "What both sides must agree on beyond the protocol, such as chunk size and key scheme. Two non-empty values"
                    + " that differ are INCOMPATIBLE_PEER. Empty: agrees with anything.");

    /** Checksums. */
    public static final ConfigKey<ChecksumMode> CHECKSUM = ConfigKey.oneOf(
            "kvferry.checksum",
            ChecksumMode.AUTO,
            "Whether blocks carry a checksum that is compared where they arrive. auto: on where the fabric does not"
                    + " check (tcp), off where it does.");

    /** Weakest isolation that an offer accepts. */
    public static final ConfigKey<Isolation> MIN_ISOLATION = ConfigKey.oneOf(
            "kvferry.min-isolation",
            Isolation.NONE,
            "Weakest isolation with which leases are served: none, region or lease. Below it the backend is not offered"
                    + " to peers. Default none, with one warning when such a backend is opened.");

    /** Transfer time-out. */
    public static final ConfigKey<Duration> TRANSFER_TIMEOUT = ConfigKey.duration(
            "kvferry.transfer-timeout",
            Duration.ofSeconds(30),
            MILLISECOND,
            DAY,
            "Deadline of a transfer whose request names none, from prepare to the last byte. 30s: 30 GiB at 1 GiB/s.");

    /** Grace of finish. */
    public static final ConfigKey<Duration> FINISH_GRACE = ConfigKey.duration(
            "kvferry.finish-grace",
            Duration.ofSeconds(2),
            MILLISECOND,
            DAY,
            "How long cleaning up one transfer may take before the engine escalates: first its connections are fenced,"
                    + " then, after as long again, the backend instance. Never the request's leftover time.");

    /** How long FINISH is repeated. */
    public static final ConfigKey<Duration> FINISH_HORIZON = ConfigKey.duration(
            "kvferry.finish-horizon",
            Duration.ofSeconds(60),
            MILLISECOND,
            DAY,
            "How long FINISH is repeated to a peer that does not answer, and how long at the most an end is remembered here"
                    + " for a peer that repeats it. 60s: longer than a lease that nobody finishes.");

    /** Delay between repetitions of FINISH. */
    public static final ConfigKey<Duration> FINISH_RETRY = ConfigKey.duration(
            "kvferry.finish-retry",
            Duration.ofMillis(200),
            MILLISECOND,
            DAY,
            "First delay before an unanswered FINISH is repeated; doubles up to 5s.");

    /** Safety margin on leases. */
    public static final ConfigKey<Duration> LEASE_GUARD = ConfigKey.duration(
            "kvferry.lease-guard",
            Duration.ofMillis(50),
            Duration.ZERO,
            DAY,
            "Safety margin: the initiator posts no I/O later than this before the lease ends.");

    /** How long PREPARE waits for an offer. */
    public static final ConfigKey<Duration> OFFER_WAIT = ConfigKey.duration(
            "kvferry.offer-wait",
            Duration.ofSeconds(10),
            Duration.ZERO,
            DAY,
            "How long a PREPARE that came before its offer waits at the target, within its own deadline; then NOT_FOUND.");

    /** How many PREPAREs wait. */
    public static final ConfigKey<Integer> MAX_WAITING_PREPARES = ConfigKey.integer(
            "kvferry.max-waiting-prepares",
            4096,
            1,
            1_000_000,
            "How many PREPAREs may wait for their offers, over all peers; past it RESOURCE_EXHAUSTED.");

    /** How many PREPAREs of one peer wait. */
    public static final ConfigKey<Integer> MAX_WAITING_PREPARES_PER_PEER = ConfigKey.integer(
            "kvferry.max-waiting-prepares-per-peer",
            1024,
            1,
            1_000_000,
            "The same per peer, so that one peer cannot take all places.");

    /** How much waiting PREPAREs may hold. */
    public static final ConfigKey<Long> MAX_WAITING_PREPARE_BYTES = ConfigKey.size(
            "kvferry.max-waiting-prepare-bytes",
            256L << 20,
            1 << 10,
            1L << 40,
            "How much the PREPAREs may hold that wait for their offers, over all peers, and a quarter of it for one peer;"
                    + " past it RESOURCE_EXHAUSTED. A block takes 16 bytes. Default 256MiB.");

    /** How many transfers. */
    public static final ConfigKey<Integer> MAX_TRANSFERS = ConfigKey.integer(
            "kvferry.max-transfers",
            65_536,
            1,
            10_000_000,
            "How many transfers and leases an engine holds at one time; past it RESOURCE_EXHAUSTED.");

    /** How many tombstones. */
    public static final ConfigKey<Integer> MAX_TOMBSTONES = ConfigKey.integer(
            "kvferry.max-tombstones",
            65_536,
            1,
            10_000_000,
            "How many ended attempts are remembered so that latecomers are refused. When full, the oldest goes whose"
                    + " initiator was told of it; where there is none, PREPARE is RESOURCE_EXHAUSTED.");

    /** How much memory may be in quarantine. */
    public static final ConfigKey<Long> MAX_QUARANTINED = ConfigKey.size(
            "kvferry.max-quarantined",
            64L << 30,
            0,
            Long.MAX_VALUE >> 1,
            "How much memory may be in quarantine; past it offers and prepares are RESOURCE_EXHAUSTED until some is proved"
                    + " quiescent.");

    /** How many peers are remembered. */
    public static final ConfigKey<Integer> MAX_PEERS = ConfigKey.integer(
            "kvferry.max-peers",
            4096,
            1,
            1_000_000,
            "How many peers are remembered; the least recently used goes first.");

    /** Budget of HELLO. */
    public static final ConfigKey<Duration> HELLO_TIMEOUT = ConfigKey.duration(
            "kvferry.hello-timeout",
            Duration.ofSeconds(5),
            MILLISECOND,
            DAY,
            "Budget of meeting a peer for the first time, within the caller's deadline. The first call over a new channel"
                    + " takes some hundred milliseconds.");

    /** Bound on close. */
    public static final ConfigKey<Duration> CLOSE_TIMEOUT = ConfigKey.duration(
            "kvferry.close-timeout",
            Duration.ofSeconds(10),
            MILLISECOND,
            DAY,
            "How long close() without a deadline may take, of the engine and of its memory.");

    /** Bound on opening. */
    public static final ConfigKey<Duration> OPEN_TIMEOUT = ConfigKey.duration(
            "kvferry.open-timeout",
            Duration.ofSeconds(30),
            MILLISECOND,
            DAY,
            "How long opening the backends and starting to listen may take, each.");

    /** Whether memory that a backend cannot move is copied for it. */
    public static final ConfigKey<Staging> STAGING = ConfigKey.oneOf(
            "kvferry.staging",
            Staging.NONE,
            "What happens to memory that a backend cannot move, such as CUDA memory over tcp: none refuses it; pinned copies"
                    + " it through memory that the backend can move. Both sides must set the same, and one backend of"
                    + " kvferry.backend must know the device, e.g. nccl. Default none: a copy is never made unasked.");

    /** How much memory staging may hold. */
    public static final ConfigKey<Long> STAGING_SIZE = ConfigKey.size(
            "kvferry.staging-size",
            256L << 20,
            1 << 16,
            1L << 40,
            "Memory that each backend gets for kvferry.staging = pinned; all transfers that are staged at one time share it,"
                    + " and what does not fit is RESOURCE_EXHAUSTED. Default 256MiB.");

    /** Bound on copies to and from a device. */
    public static final ConfigKey<Duration> COPY_TIMEOUT = ConfigKey.duration(
            "kvferry.copy-timeout",
            Duration.ofSeconds(10),
            MILLISECOND,
            DAY,
            "How long one copy between host and device may take: of Memory.read and Memory.write without a deadline, and of"
                    + " staging. Default 10s: more than a GPU needs for all of its memory.");

    private EngineConfigKeys() {}

    /**
     * Returns all keys of the engine.
     *
     * @return the keys
     */
    public static Set<ConfigKey<?>> all() {
        return Set.of(
                BACKEND,
                NODE_ID,
                PEER_CONTROL,
                BIND_HOST,
                ADVERTISED_HOST,
                COMPATIBILITY,
                CHECKSUM,
                MIN_ISOLATION,
                TRANSFER_TIMEOUT,
                FINISH_GRACE,
                FINISH_HORIZON,
                FINISH_RETRY,
                LEASE_GUARD,
                OFFER_WAIT,
                MAX_WAITING_PREPARES,
                MAX_WAITING_PREPARES_PER_PEER,
                MAX_WAITING_PREPARE_BYTES,
                MAX_TRANSFERS,
                MAX_TOMBSTONES,
                MAX_QUARANTINED,
                MAX_PEERS,
                HELLO_TIMEOUT,
                CLOSE_TIMEOUT,
                OPEN_TIMEOUT,
                COPY_TIMEOUT,
                STAGING,
                STAGING_SIZE);
    }
}
