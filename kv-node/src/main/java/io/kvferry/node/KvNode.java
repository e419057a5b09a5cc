package io.kvferry.node;

import io.kvferry.control.cluster.ChunkKeys;
import io.kvferry.control.cluster.KeyScheme;
import io.kvferry.engine.EngineConfigKeys;
import io.kvferry.engine.TransferEngine;
import io.kvferry.spi.CloseReport;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps chunks of KV cache, publishes what it holds, and fetches what other nodes hold.
 *
 * <p><b>Life cycle:</b> {@link KvNodeBuilder#open} either returns a working node or has released everything; {@link #close()}
 * ends in bounded time, and the controller has heard of it by then.
 *
 * <p><b>Threads:</b> Thread-safe. Methods that take a {@link Deadline} may block until it; virtual threads are welcome.
 *
 * @since 0.1.0
 */
public final class KvNode implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(KvNode.class);

    private final NodeContext context;
    private final KvLayout layout;
    private final InFlight inFlight;
    private final PeerQuota quota;
    private final NodeReport report;
    private final NodeLife life;
    private final AtomicBoolean closing = new AtomicBoolean();

    KvNode(NodeContext context, KvLayout layout) {
        this.context = context;
        this.layout = layout;
        this.inFlight = new InFlight(context.engine().scheduler());
        this.quota = new PeerQuota(
                context.settings().get(NodeConfigKeys.MAX_LEASES),
                context.settings().get(NodeConfigKeys.MAX_LEASES_PER_PEER));
        this.report = new NodeReport(context, layout, quota);
        this.life = new NodeLife(context);
    }

    /** Lets peers and the controller in. Called once. */
    void start() {
        life.start(quota, report);
    }

    /**
     * Starts to put a node together.
     *
     * @return a builder with an empty configuration
     */
    public static KvNodeBuilder builder() {
        return new KvNodeBuilder();
    }

    /**
     * Returns who this process is to its peers.
     *
     * @return node id and boot id
     */
    public PeerIdentity identity() {
        return context.engine().identity();
    }

    /**
     * Returns where peers reach this node.
     *
     * @return the address of its peer control
     */
    public PeerAddress address() {
        return context.engine().address();
    }

    /**
     * Returns the engine that moves this node's bytes.
     *
     * @return closed with the node
     */
    public TransferEngine engine() {
        return context.engine();
    }

    /**
     * Returns what a chunk looks like.
     *
     * @return the layout
     */
    public KvLayout layout() {
        return layout;
    }

    /**
     * Returns how chunk keys are made.
     *
     * @return the scheme, with the number of tokens in a chunk
     */
    public KeyScheme scheme() {
        return context.chain().scheme();
    }

    /**
     * Makes the keys of a prompt, for orders to the controller.
     *
     * @param tokens the prompt; none negative
     * @return one key for each whole chunk
     */
    public ChunkKeys keys(int[] tokens) {
        return context.chain().keys(tokens);
    }

    /**
     * Makes the deadline of a call for which nobody knows a better one.
     *
     * @return {@code kvferry.kv.fetch-timeout} from now, on this node's clock
     */
    public Deadline defaultDeadline() {
        return context.after(NodeConfigKeys.FETCH_TIMEOUT);
    }

    /**
     * Stores the whole chunks of a prompt and publishes them.
     *
     * @param tokens the prompt; none negative
     * @param kv called for each layer of each chunk that is not here yet
     * @return what became of the tokens
     * @throws IllegalArgumentException for a negative token
     */
    public PutResult put(int[] tokens, KvSource kv) {
        try (KvWrite write = write(tokens)) {
            write.fill(kv);
            return write.commit();
        }
    }

    /**
     * Starts to store the whole chunks of a prompt while they are computed, layer after layer.
     *
     * @param tokens the prompt; none negative
     * @return where they are written to; the caller closes it
     * @throws IllegalArgumentException for a negative token
     */
    public KvWrite write(int[] tokens) {
        checkOpen(Stage.TRANSFER);
        return new KvWrite(context, tokens);
    }

    /**
     * Makes room for the whole chunks of a prompt that a peer will send, by {@link KvWrite#sendTo} under the same id.
     *
     * @param id the transfer, the same at both sides
     * @param tokens the prompt; at least one whole chunk
     * @param sender node id of the only one that may send
     * @param deadline until when all of it must be there
     * @return what comes; the caller closes it
     * @throws TransferException RESOURCE_EXHAUSTED without room; INVALID_REQUEST without a whole chunk; otherwise as
     *     {@link TransferEngine#offer}
     */
    public KvReceive receive(TransferId id, int[] tokens, String sender, Deadline deadline) {
        checkOpen(Stage.OFFER);
        return KvReceive.start(context, id, tokens, sender, deadline);
    }

    /**
     * Tells how much of a prompt is held, here and elsewhere, without moving anything.
     *
     * @param tokens the prompt; none negative
     * @param deadline until when to wait for the controller
     * @return the longest prefix
     * @throws TransferException where the controller is needed and cannot be asked
     */
    public KvLookup lookup(int[] tokens, Deadline deadline) {
        checkOpen(Stage.PREPARE);
        return PrefixLookup.run(context, tokens, deadline);
    }

    /**
     * Brings the longest prefix of a prompt that can be had into this node's pool.
     *
     * @param tokens the prompt; none negative
     * @param deadline until when to wait
     * @return the prefix, and why it is not longer; the caller closes it
     * @throws TransferException SHUTTING_DOWN once closed; CANCELLED when the thread is interrupted
     */
    public KvFetch fetch(int[] tokens, Deadline deadline) {
        return fetch(tokens, deadline, null);
    }

    /**
     * The same, with every layer of every chunk reported as soon as it can be used.
     *
     * @param tokens the prompt; none negative
     * @param deadline until when to wait
     * @param listener hears of the layers, or null
     * @return the prefix, and why it is not longer; the caller closes it
     * @throws TransferException as {@link #fetch(int[], Deadline)}
     */
    public KvFetch fetch(int[] tokens, Deadline deadline, @Nullable LayerListener listener) {
        checkOpen(Stage.PREPARE);
        return new Fetch(context, inFlight, tokens, deadline, listener).run();
    }

    /**
     * Waits until a controller knows this node.
     *
     * @param deadline until when
     * @return false if none does by then, or the node has no cluster
     */
    public boolean awaitRegistered(Deadline deadline) {
        return context.directory().awaitRegistered(deadline);
    }

    /**
     * Waits until every controller that can be reached knows all that has been put here so far.
     *
     * @param deadline until when
     * @return false if one does not by then, or none can be reached
     */
    public boolean awaitPublished(Deadline deadline) {
        return context.directory().awaitPublished(deadline);
    }

    /**
     * Returns what this node holds and what has happened to it.
     *
     * @return a snapshot
     */
    public KvNodeStatus status() {
        return report.status();
    }

    /**
     * Returns this node's metrics.
     *
     * @return the text format of Prometheus
     */
    public String metrics() {
        return report.metrics();
    }

    /**
     * Says what this node has in hand, for whoever looks for what is stuck.
     *
     * @return a line for the node and one for its engine, then one for each transfer, lease and piece of quarantined memory
     */
    public List<String> inspect() {
        return report.lines();
    }

    /**
     * Says the same to a program.
     *
     * @return a JSON object of {@code node}, {@code controllers} and {@code engine}; times are milliseconds, sizes bytes
     */
    public String inspectJson() {
        return report.json();
    }

    private void checkOpen(Stage stage) {
        if (closing.get()) {
            throw new TransferException(TransferErrorCode.SHUTTING_DOWN, stage, "this node is closed");
        }
    }

    /**
     * Says goodbye to the controller, ends everything, and gives the memory back. Idempotent.
     *
     * @param deadline until when to wait
     * @return what had to be left behind
     */
    public CloseReport close(Deadline deadline) {
        if (closing.compareAndSet(false, true)) {
            life.close(deadline);
        }
        return context.engine().close(deadline);
    }

    /** Closes with {@code kvferry.close-timeout}. What had to be left behind is logged. */
    @Override
    public void close() {
        CloseReport report = close(context.after(EngineConfigKeys.CLOSE_TIMEOUT));
        report.abandoned().forEach(line -> LOG.warn("left behind: {}", line));
    }
}
