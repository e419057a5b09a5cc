package io.kvferry.node;

import io.kvferry.control.cluster.ClusterConfigKeys;
import io.kvferry.control.cluster.KeyScheme;
import io.kvferry.control.cluster.NodeRegistration;
import io.kvferry.engine.EngineConfigKeys;
import io.kvferry.engine.KvFerryConfig;
import io.kvferry.engine.Memory;
import io.kvferry.engine.TransferEngine;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Stage;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Puts a node together.
 *
 * <p><b>Threads:</b> Confined to the thread that uses it.
 *
 * @since 0.1.0
 */
public final class KvNodeBuilder {
    private KvFerryConfig.Builder config = KvFerryConfig.builder();
    private DirectoryProvider directory = KvNodeBuilder::directory;
    private @Nullable Ticker ticker;
    private @Nullable Scheduler scheduler;

    KvNodeBuilder() {}

    /**
     * Sets the configuration: the engine's keys, those of its backends, of the
     * cluster, and {@link NodeConfigKeys}. Without {@code kvferry.cluster.controllers} the node keeps to itself.
     *
     * @param newConfig what to read; the node adds its keys and {@code kvferry.compatibility}
     * @return this
     */
    public KvNodeBuilder config(KvFerryConfig.Builder newConfig) {
        config = newConfig;
        return this;
    }

    /**
     * Runs on another clock.
     *
     * @param newTicker the clock
     * @param newScheduler runs tasks on that clock; stays the caller's
     * @return this
     */
    public KvNodeBuilder ticker(Ticker newTicker, Scheduler newScheduler) {
        ticker = newTicker;
        scheduler = newScheduler;
        return this;
    }

    /** Publishes elsewhere than at the controllers of the configuration. */
    KvNodeBuilder directory(DirectoryProvider provider) {
        directory = provider;
        return this;
    }

    /**
     * Opens the node: the engine, the pool, and the way to the controllers.
     *
     * @return the node; the caller closes it
     * @throws TransferException INVALID_REQUEST for a contradictory configuration, naming the key; RESOURCE_EXHAUSTED where
     *     there is no memory for the pool; otherwise as {@link TransferEngine.Builder#open}
     */
    public KvNode open() {
        config.keys(NodeConfigKeys.all()).keys(ClusterConfigKeys.all());
        BackendConfig settings = config.build().values();
        KvLayout layout = layout(settings);
        KeyChain chain = chain(settings, layout);
        long poolBytes = settings.get(NodeConfigKeys.POOL_SIZE);
        long slotBytes = BlockPool.slotBytes(layout, chain.scheme().chunkTokens());
        if (poolBytes < slotBytes) {
            throw invalid("kvferry.kv.pool-size = " + poolBytes + " bytes has no room for one chunk of " + slotBytes
                    + " bytes (" + chain.scheme().chunkTokens() + " tokens, " + layout + ")");
        }
        TransferEngine engine = engine(settings, chain.scheme());
        try {
            return open(engine, settings, layout, chain, poolBytes / slotBytes * slotBytes);
        } catch (RuntimeException | Error e) {
            engine.close();
            throw e;
        }
    }

    private KvNode open(TransferEngine engine, BackendConfig settings, KvLayout layout, KeyChain chain, long bytes) {
        Memory memory = engine.allocate(bytes);
        BlockPool pool = new BlockPool(memory.region(), layout, chain.scheme().chunkTokens());
        ChunkDirectory published = directory.open(engine, chain.scheme(), settings);
        try {
            ChunkStore store = new ChunkStore(pool.slots(), published);
            KvNode node = new KvNode(
                    new NodeContext(engine, settings, pool, store, chain, published, new NodeCounters()), layout);
            node.start();
            return node;
        } catch (RuntimeException | Error e) {
            published.close(Deadline.after(settings.get(EngineConfigKeys.CLOSE_TIMEOUT), engine.ticker()));
            throw e;
        }
    }

    private TransferEngine engine(BackendConfig settings, KeyScheme scheme) {
        // peers of another scheme are refused when they first meet, not at every request
        String own = settings.get(EngineConfigKeys.COMPATIBILITY);
        String agreed = own.isEmpty() ? scheme.toString() : own + ", " + scheme;
        TransferEngine.Builder engine = TransferEngine.builder()
                .config(config.set(EngineConfigKeys.COMPATIBILITY.name(), agreed, "the KV node")
                        .build());
        Ticker clock = ticker;
        Scheduler timer = scheduler;
        return clock == null || timer == null
                ? engine.open()
                : engine.ticker(clock, timer).open();
    }

    private static KvLayout layout(BackendConfig settings) {
        return new KvLayout(
                settings.get(NodeConfigKeys.LAYERS),
                settings.get(NodeConfigKeys.KV_HEADS),
                settings.get(NodeConfigKeys.HEAD_DIM),
                settings.get(NodeConfigKeys.DATA_TYPE),
                settings.get(NodeConfigKeys.PAGE_ORDER));
    }

    /** Ranks hold different heads of the same tokens under layouts that look alike. */
    private static String rank(BackendConfig settings) {
        int rank = settings.get(NodeConfigKeys.RANK);
        int ranks = settings.get(NodeConfigKeys.RANKS);
        if (rank >= ranks) {
            throw invalid("kvferry.kv.rank = " + rank + " is not below kvferry.kv.ranks = " + ranks);
        }
        return ranks == 1 ? "" : "|rank " + rank + " of " + ranks;
    }

    private static KeyChain chain(BackendConfig settings, KvLayout layout) {
        int chunkTokens = settings.get(NodeConfigKeys.CHUNK_TOKENS);
        String seed = settings.get(NodeConfigKeys.KEY_SEED);
        String salt = settings.get(NodeConfigKeys.MODEL) + "|" + layout + rank(settings);
        return switch (settings.get(NodeConfigKeys.KEY_SCHEME)) {
            case SHA256 -> KeyChain.of(new Sha256Hash(chunkTokens, salt), chunkTokens, salt);
            case VLLM_SHA256_CBOR -> KeyChain.of(new VllmCborHash(seed), chunkTokens, seed + "|" + salt);
            case CPYTHON312 -> {
                try {
                    yield KeyChain.of(new CpythonHash(seed), chunkTokens, seed + "|" + salt);
                } catch (IllegalArgumentException e) {
                    throw invalid("kvferry.kv.key-seed: " + e.getMessage());
                }
            }
        };
    }

    private static ChunkDirectory directory(TransferEngine engine, KeyScheme scheme, BackendConfig settings) {
        if (settings.get(ClusterConfigKeys.CONTROLLERS).isEmpty()) {
            return ChunkDirectory.NONE;
        }
        return new ClusterDirectory(registration(engine, scheme, settings), settings, engine);
    }

    private static NodeRegistration registration(TransferEngine engine, KeyScheme scheme, BackendConfig settings) {
        String instance = settings.get(NodeConfigKeys.INSTANCE);
        return new NodeRegistration(
                engine.identity(),
                instance.isEmpty() ? engine.identity().nodeId() : instance,
                Map.of(NodeRegistration.PEER_CONTROL, engine.address().toString()),
                scheme,
                NodeRegistration.SCHEMA_VERSION,
                "kvferry");
    }

    private static TransferException invalid(String detail) {
        return new TransferException(TransferErrorCode.INVALID_REQUEST, Stage.OPEN, detail);
    }
}
