package io.kvferry.example.llm.kv;

import io.kvferry.engine.KvFerryConfig;
import io.kvferry.example.llm.model.KvCache;
import io.kvferry.example.llm.model.ModelShape;
import io.kvferry.node.KvChunks;
import io.kvferry.node.KvDataType;
import io.kvferry.node.KvFetch;
import io.kvferry.node.KvNode;
import io.kvferry.node.NodeConfigKeys;
import io.kvferry.node.PutResult;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Set;

/**
 * Keeps pages as the chunks of a KV node, so that other nodes of the cluster find them.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
public final class NodePrefixStore implements PrefixStore {
    private final KvNode node;
    private final ModelShape shape;

    private NodePrefixStore(KvNode node, ModelShape shape) {
        this.node = node;
        this.shape = shape;
    }

    /**
     * Returns the keys that {@link #open} sets, because the model decides them.
     *
     * @return the keys
     */
    public static Set<ConfigKey<?>> modelKeys() {
        return Set.of(
                NodeConfigKeys.MODEL,
                NodeConfigKeys.LAYERS,
                NodeConfigKeys.KV_HEADS,
                NodeConfigKeys.HEAD_DIM,
                NodeConfigKeys.DATA_TYPE,
                NodeConfigKeys.CHUNK_TOKENS);
    }

    /**
     * Opens a node.
     *
     * @param config the node's; what its chunks look like is added
     * @param shape the model's
     * @param model its name and seed, so that nodes of another model never find its pages
     * @return the store; the caller closes it
     * @throws io.kvferry.spi.TransferException if the node cannot be opened
     */
    public static NodePrefixStore open(KvFerryConfig.Builder config, ModelShape shape, String model) {
        config.set(NodeConfigKeys.MODEL, model)
                .set(NodeConfigKeys.LAYERS, shape.layers())
                .set(NodeConfigKeys.KV_HEADS, shape.heads())
                .set(NodeConfigKeys.HEAD_DIM, shape.headWidth())
                .set(NodeConfigKeys.DATA_TYPE, KvDataType.F32)
                .set(NodeConfigKeys.CHUNK_TOKENS, shape.pageTokens());
        return new NodePrefixStore(KvNode.builder().config(config).open(), shape);
    }

    /**
     * Returns the node.
     *
     * @return closed with this
     */
    public KvNode node() {
        return node;
    }

    /** Asks before it fetches, as the scheduler of an engine does, so that hits and misses are counted once for a prompt. */
    @Override
    public Prefix fetch(int[] tokens, KvCache into, Deadline deadline) {
        int known = node.lookup(tokens, deadline).hitTokens();
        if (known == 0) {
            return Prefix.NONE;
        }
        try (KvFetch fetch = node.fetch(tokens, deadline)) {
            KvChunks chunks = fetch.chunks();
            for (int i = 0; i < chunks.size(); i++) {
                into.append(chunks.chunk(i).toArray(ValueLayout.JAVA_FLOAT));
            }
            String loss = into.tokens() < known ? fetch.miss() + " " + fetch.failures() : "";
            return new Prefix(into.tokens(), fetch.figures().fetchedTokens(), loss);
        }
    }

    @Override
    public int publish(int[] tokens, KvCache from, Deadline deadline) {
        PutResult result = node.put(
                tokens,
                (layer, chunk, into) -> MemorySegment.copy(
                        from.page(chunk),
                        layer * shape.layerFloats(),
                        into,
                        ValueLayout.JAVA_FLOAT,
                        0,
                        shape.layerFloats()));
        if (!node.awaitPublished(deadline)) {
            throw new TransferException(
                    TransferErrorCode.DEADLINE_EXCEEDED,
                    Stage.FINISH,
                    "no controller has taken note of " + result.storedTokens() + " new tokens in time");
        }
        return result.storedTokens();
    }

    @Override
    public String metrics() {
        return node.metrics();
    }

    @Override
    public void close() {
        node.close();
    }
}
