package io.kvferry.node;

import io.kvferry.spi.ConfigKey;
import java.time.Duration;
import java.util.Set;

/**
 * The KV node's configuration keys.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @since 0.1.0
 */
public final class NodeConfigKeys {
    private static final Duration MILLISECOND = Duration.ofMillis(1);
    private static final Duration DAY = Duration.ofHours(24);

    /** Size of the pool. */
    public static final ConfigKey<Long> POOL_SIZE = ConfigKey.size(
            "kvferry.kv.pool-size",
            1L << 30,
            4096,
            Long.MAX_VALUE >> 1,
            "Memory for chunks: one region, registered once with every backend. Default 1GiB: eight chunks of an 8B model"
                    + " in 16 bits are 256MiB, so a real server wants much more.");

    /** Tokens in a chunk. */
    public static final ConfigKey<Integer> CHUNK_TOKENS = ConfigKey.integer(
            "kvferry.kv.chunk-tokens",
            256,
            1,
            65_536,
            "Tokens in a chunk, the same on all nodes. Default 256, as in LMCache: below that keys outnumber the work they"
                    + " save, above it a prefix must be longer to count.");

    /** How keys are made. */
    public static final ConfigKey<KeySchemeKind> KEY_SCHEME = ConfigKey.oneOf(
            "kvferry.kv.key-scheme",
            KeySchemeKind.SHA256,
            "How chunk keys are made, the same on all nodes. sha256: KVFerry's own. vllm-sha256-cbor and cpython312: the"
                    + " keys of vLLM and LMCache, for nodes beside them.");

    /** The seed of Python's schemes. */
    public static final ConfigKey<String> KEY_SEED = ConfigKey.text(
            "kvferry.kv.key-seed",
            "0",
            "PYTHONHASHSEED of the processes whose keys vllm-sha256-cbor or cpython312 shall equal; sha256 takes none.");

    /** The model. */
    public static final ConfigKey<String> MODEL = ConfigKey.text(
            "kvferry.kv.model",
            "",
            "Name of the model, the same on all nodes that share its cache. Nodes of different models never find each"
                    + " other's chunks.");

    /** Layers. */
    public static final ConfigKey<Integer> LAYERS = ConfigKey.integer(
            "kvferry.kv.layers",
            32,
            1,
            4096,
            "Layers of the model. The defaults of the layout are those of Llama 3.1 8B.");

    /** Heads. */
    public static final ConfigKey<Integer> KV_HEADS = ConfigKey.integer(
            "kvferry.kv.kv-heads",
            8,
            1,
            65_536,
            "Heads with keys and values of their own that this node keeps: with tensor parallelism, those of its rank.");

    /** Size of a head. */
    public static final ConfigKey<Integer> HEAD_DIM =
            ConfigKey.integer("kvferry.kv.head-dim", 128, 1, 65_536, "Numbers in a key, and in a value, of one head.");

    /** Type of a number. */
    public static final ConfigKey<KvDataType> DATA_TYPE =
            ConfigKey.oneOf("kvferry.kv.data-type", KvDataType.BF16, "Type of the numbers in the cache.");

    /** Order in a layer. */
    public static final ConfigKey<PageOrder> PAGE_ORDER = ConfigKey.oneOf(
            "kvferry.kv.page-order",
            PageOrder.TOKENS_FIRST,
            "Order of the keys, and of the values, within a layer of a chunk: tokens-first (NHD) or heads-first (HND)."
                    + " With heads-first the heads of a rank lie in one piece, which other degrees of parallelism need.");

    /** Ranks of the model. */
    public static final ConfigKey<Integer> RANKS = ConfigKey.integer(
            "kvferry.kv.ranks",
            1,
            1,
            65_536,
            "Ranks that share the heads of the model, each with a node of its own. Chunks of one rank are never taken for"
                    + " those of another.");

    /** Which of the ranks. */
    public static final ConfigKey<Integer> RANK = ConfigKey.integer(
            "kvferry.kv.rank", 0, 0, 65_535, "Which of kvferry.kv.ranks this node keeps the heads of.");

    /** What the node is a part of. */
    public static final ConfigKey<String> INSTANCE = ConfigKey.text(
            "kvferry.kv.instance",
            "",
            "What this node is a part of, such as the engine whose ranks are nodes of their own. Empty: its node id.");

    /** How long a fetch takes at most. */
    public static final ConfigKey<Duration> FETCH_TIMEOUT = ConfigKey.duration(
            "kvferry.kv.fetch-timeout",
            Duration.ofSeconds(10),
            MILLISECOND,
            DAY,
            "Deadline of what is asked for without one. 10s: computing a long prompt again takes about as long.");

    /** How long a holder may be silent. */
    public static final ConfigKey<Duration> HOLDER_TIMEOUT = ConfigKey.duration(
            "kvferry.kv.holder-timeout",
            Duration.ofSeconds(2),
            MILLISECOND,
            DAY,
            "How long a holder may take to lend, and how long a transfer from it may stand still, before the next holder is"
                    + " asked. Also the budget of one look-up at the controller.");

    /** How long chunks are lent. */
    public static final ConfigKey<Duration> LEASE_TIME = ConfigKey.duration(
            "kvferry.kv.lease-time",
            Duration.ofSeconds(30),
            MILLISECOND,
            DAY,
            "Longest time for which chunks are lent to a peer, within its own deadline. They cannot be evicted meanwhile.");

    /** How many leases. */
    public static final ConfigKey<Integer> MAX_LEASES = ConfigKey.integer(
            "kvferry.kv.max-leases",
            4096,
            1,
            1_000_000,
            "How many requests of peers for chunks are served at one time; past it RESOURCE_EXHAUSTED.");

    /** How many leases of one peer. */
    public static final ConfigKey<Integer> MAX_LEASES_PER_PEER = ConfigKey.integer(
            "kvferry.kv.max-leases-per-peer",
            256,
            1,
            1_000_000,
            "The same per peer, so that one peer cannot keep the pool from being used.");

    /** When a transfer counts as stuck. */
    public static final ConfigKey<Duration> STALL_WARNING = ConfigKey.duration(
            "kvferry.kv.stall-warning",
            Duration.ofSeconds(5),
            MILLISECOND,
            DAY,
            "How long nothing of a transfer may move before the node logs what it is at, once for each. 5s: before most"
                    + " deadlines, long after a slow network.");

    private NodeConfigKeys() {}

    /**
     * Returns all keys of the node.
     *
     * @return the keys
     */
    public static Set<ConfigKey<?>> all() {
        return Set.of(
                POOL_SIZE,
                CHUNK_TOKENS,
                KEY_SCHEME,
                KEY_SEED,
                MODEL,
                LAYERS,
                KV_HEADS,
                HEAD_DIM,
                DATA_TYPE,
                PAGE_ORDER,
                RANKS,
                RANK,
                INSTANCE,
                FETCH_TIMEOUT,
                HOLDER_TIMEOUT,
                LEASE_TIME,
                MAX_LEASES,
                MAX_LEASES_PER_PEER,
                STALL_WARNING);
    }
}
