package io.kvferry.control.cluster;

import io.kvferry.control.cluster.wire.ClusterGrpc;
import io.kvferry.control.cluster.wire.ClusterProto;
import io.kvferry.control.grpc.EventLoops;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A node's side of a cluster: registers with every controller, keeps the leases alive, tells what the node holds, looks up
 * what others hold, and takes orders. Without a registration it only asks.
 *
 * <p><b>Life cycle:</b> {@link ClusterClientBuilder#open} returns at once and connects by itself, again and again, until {@link #close},
 * which says goodbye before it returns. What is admitted before a controller is reached is told once it is.
 *
 * <p><b>Threads:</b> Thread-safe. Calls with a deadline block until it; {@link #admit} and {@link #evict} do not.
 *
 * <p><b>Failure:</b> {@link TransferException}. A question goes to a controller that works, and to the next one when it
 * fails; CONTROL_FAILED or DEADLINE_EXCEEDED when none answers.
 *
 * @since 0.1.0
 */
public final class ClusterClient implements AutoCloseable {
    private static final Duration CLOSE_TIME = Duration.ofSeconds(5);
    private static final long POLL_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    private final Ticker ticker;
    private final @Nullable TimerThread timer;
    private final @Nullable ClientNode node;
    private final EventLoops eventLoops;
    private final ExecutorService executor;
    private final ControllerLinks links;
    private final ControllerQuestions questions;
    private final AtomicBoolean closed = new AtomicBoolean();

    ClusterClient(ClusterClientBuilder builder, List<PeerAddress> controllers) {
        this.ticker = builder.ticker;
        this.timer = builder.scheduler == null ? new TimerThread("kvferry-cluster-timer") : null;
        this.executor = Executors.newThreadPerTaskExecutor(
                Thread.ofVirtual().name("kvferry-cluster-", 0).factory());
        this.eventLoops = EventLoops.open("kvferry-cluster-io", 1);
        NodeRegistration registration = builder.registration;
        Scheduler scheduler = timer == null ? builder.scheduler : timer;
        this.node = registration == null || scheduler == null
                ? null
                : new ClientNode(registration, builder.orders, builder.stats, ticker, scheduler, executor);
        this.links = new ControllerLinks(controllers.stream()
                .map(address -> new ControllerLink(address, builder.config, eventLoops, executor, node))
                .toList());
        if (node != null) {
            links.all().forEach(node.inventory()::addFeed);
        }
        this.questions = new ControllerQuestions(links.all());
        links.connect();
    }

    /**
     * Starts a client.
     *
     * @return a builder, confined to the thread that uses it
     */
    public static ClusterClientBuilder builder() {
        return new ClusterClientBuilder();
    }

    /**
     * Tells that this node holds chunks from now on. What it held already is left out.
     *
     * @param tier where
     * @param keys which chunks, of the length of the node's scheme
     * @throws IllegalStateException if the client has no registration
     */
    public void admit(Tier tier, ChunkKeys keys) {
        node().inventory().admit(tier, keys);
    }

    /**
     * Tells that this node does not hold chunks any more. What it did not hold is left out.
     *
     * @param tier where
     * @param keys which chunks, of the length of the node's scheme
     * @throws IllegalStateException if the client has no registration
     */
    public void evict(Tier tier, ChunkKeys keys) {
        node().inventory().evict(tier, keys);
    }

    /**
     * Waits until the node is registered with at least one controller.
     *
     * @param deadline until when
     * @return false if it is not by then
     * @throws TransferException PEER_RESTARTED if a newer process of this node has registered; INCOMPATIBLE_PEER if a
     *     controller refuses it because it does not fit to the nodes that are there
     */
    public boolean awaitRegistered(Deadline deadline) {
        ClientNode registering = node();
        return await(deadline, () -> {
            TransferException replacement = registering.replacement();
            if (replacement != null) {
                throw replacement;
            }
            if (links.isAnyHealthy()) {
                return true;
            }
            TransferException refusal = links.refusal();
            if (refusal != null) {
                throw refusal;
            }
            return false;
        });
    }

    /**
     * Waits until everything admitted and evicted so far is in the index of every controller that can be reached.
     *
     * @param deadline until when
     * @return false if it is not by then, or no controller can be reached
     */
    public boolean awaitApplied(Deadline deadline) {
        return await(deadline, links::areHealthyOnesSettled);
    }

    private boolean await(Deadline deadline, Supplier<Boolean> condition) {
        while (!condition.get()) {
            if (deadline.isExpired() || closed.get() || Thread.currentThread().isInterrupted()) {
                return false;
            }
            LockSupport.parkNanos(POLL_NANOS);
        }
        return true;
    }

    /**
     * Finds who holds the longest prefix of a chain. A controller that misses something, and does not know yet what all
     * nodes hold, is not the only one that is asked.
     *
     * @param lookup what is looked for
     * @param deadline until when to wait
     * @return who holds it; a miss is an answer
     */
    public LookupAnswer lookup(Lookup lookup, Deadline deadline) {
        checkOpen();
        int chunks = lookup.keys().size();
        return questions.ask(
                ClusterGrpc.getLookupMethod(),
                WireEncoder.lookup(lookup),
                bytes -> WireDecoder.answer(ClusterProto.LookupReply.parseFrom(bytes)),
                answer -> answer.indexComplete() || answer.prefixChunks() == chunks,
                deadline);
    }

    /**
     * Asks why a look-up finds what it finds.
     *
     * @param lookup what is looked for
     * @param deadline until when to wait
     * @return the reason
     */
    public Explanation explain(Lookup lookup, Deadline deadline) {
        checkOpen();
        return questions.ask(
                ClusterGrpc.getExplainMethod(),
                WireEncoder.lookup(lookup),
                bytes -> WireDecoder.explanation(ClusterProto.ExplainReply.parseFrom(bytes)),
                deadline);
    }

    /**
     * Places an order. It is stored when this returns. Sent to one controller only: one that does not answer may have taken
     * it.
     *
     * @param request what to do, where, in what time
     * @param deadline until when to wait
     * @return the order with its id
     */
    public OrderStatus order(OrderRequest request, Deadline deadline) {
        checkOpen();
        return questions.askOne(
                ClusterGrpc.getPlaceOrderMethod(),
                WireEncoder.order(request),
                bytes -> WireDecoder.status(ClusterProto.OrderReply.parseFrom(bytes)),
                deadline);
    }

    /**
     * Asks about an order.
     *
     * @param id its id
     * @param wait true to be answered once it is finished
     * @param deadline until when to wait
     * @return how far it is
     * @throws TransferException NOT_FOUND if it is unknown, or was finished long ago
     */
    public OrderStatus order(String id, boolean wait, Deadline deadline) {
        checkOpen();
        return questions.ask(
                ClusterGrpc.getGetOrderMethod(),
                ClusterProto.GetOrderRequest.newBuilder()
                        .setId(id)
                        .setWait(wait)
                        .build(),
                bytes -> WireDecoder.status(ClusterProto.OrderReply.parseFrom(bytes)),
                deadline);
    }

    /**
     * Asks for all nodes.
     *
     * @param deadline until when to wait
     * @return the nodes that are not gone, by id
     */
    public List<NodeView> nodes(Deadline deadline) {
        checkOpen();
        return questions.ask(
                ClusterGrpc.getListNodesMethod(),
                ClusterProto.ListNodesRequest.getDefaultInstance(),
                bytes -> ClusterProto.ListNodesReply.parseFrom(bytes).getNodesList().stream()
                        .map(WireDecoder::node)
                        .toList(),
                deadline);
    }

    /**
     * Tells how this node stands with its controllers.
     *
     * @return one entry for each, in the order of the configuration
     */
    public List<ControllerStatus> controllers() {
        return links.status();
    }

    /**
     * Tells how much this node said that it holds.
     *
     * @return pairs of chunk and tier
     * @throws IllegalStateException if the client has no registration
     */
    public long heldChunks() {
        return node().inventory().count();
    }

    private void checkOpen() {
        if (closed.get()) {
            throw ControllerContext.error(TransferErrorCode.SHUTTING_DOWN, "the cluster client is closed");
        }
    }

    private ClientNode node() {
        return Optional.ofNullable(node)
                .orElseThrow(() -> new IllegalStateException("this client was opened without a registration"));
    }

    /** Says goodbye and closes, within five seconds. */
    @Override
    public void close() {
        close(Deadline.after(CLOSE_TIME, ticker));
    }

    /**
     * Says goodbye to the controllers, so that nobody looks for this node's chunks any more, and closes. Idempotent.
     *
     * @param deadline until when to wait for the controllers to hear it
     */
    public void close(Deadline deadline) {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        links.close(deadline, ticker, CLOSE_TIME);
        executor.shutdownNow();
        boolean ignored = eventLoops.close(Deadline.after(CLOSE_TIME, ticker));
        if (timer != null) {
            timer.close();
        }
    }
}
