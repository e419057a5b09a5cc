package io.kvferry.control.cluster;

import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.Status;
import io.kvferry.control.cluster.wire.ClusterProto.Applied;
import io.kvferry.control.cluster.wire.ClusterProto.ControllerFrame;
import io.kvferry.control.cluster.wire.ClusterProto.Deregister;
import io.kvferry.control.cluster.wire.ClusterProto.NodeFrame;
import io.kvferry.control.cluster.wire.ClusterProto.Order;
import io.kvferry.control.cluster.wire.ClusterProto.OrderAnswer;
import io.kvferry.control.cluster.wire.ClusterProto.Registered;
import io.kvferry.control.cluster.wire.ClusterProto.SyncBegin;
import io.kvferry.control.cluster.wire.ClusterProto.SyncEnd;
import io.kvferry.control.cluster.wire.ClusterProto.SyncPart;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One session of this node at one controller, from the stream's start to its end.
 *
 * <p>Changes wait in a queue until the controller takes them. When there are too many, or the controller asks for it, the
 * queue is emptied and all that the node holds is sent instead.
 *
 * <p><b>Threads:</b> gRPC calls on an event loop, the timer on its thread. The lock is held while frames are handed to gRPC,
 * which does not block; user code is called without it.
 */
final class ClientSession extends ClientCall.Listener<byte[]> {
    private static final Logger LOG = LoggerFactory.getLogger(ClientSession.class);

    private final ControllerLink link;
    private final ClientNode node;
    private final int maxPendingKeys;
    private final CompletableFuture<Void> over = new CompletableFuture<>();

    private final Object lock = new Object();
    // all guarded by lock
    private @Nullable ClientCall<byte[], byte[]> call;
    private boolean ended;
    /** From the moment a snapshot is taken until its last frame is sent. */
    private boolean syncing;

    private Queue<NodeFrame> sync = new ArrayDeque<>();

    private final Queue<ChunkDelta> pending = new ArrayDeque<>();
    private long pendingKeys;
    /** Changes are kept from the first sync on. */
    private boolean following;

    private boolean syncWanted;
    private long lastSync;
    private long lastSequence;
    private long appliedSequence = -1;
    private boolean keepAliveUnanswered;
    private Scheduler.@Nullable Scheduled timer;

    private volatile boolean registered;
    private volatile boolean synced;
    private volatile long heardAtNanos;
    private volatile Duration lease = Duration.ZERO;

    ClientSession(ControllerLink link, ClientNode node, int maxPendingKeys) {
        this.link = link;
        this.node = node;
        this.maxPendingKeys = maxPendingKeys;
    }

    void start(ClientCall<byte[], byte[]> stream) {
        synchronized (lock) {
            call = stream;
        }
        stream.start(this, new Metadata());
        stream.request(1);
        sendNow(NodeFrame.newBuilder().setRegister(WireEncoder.register(node.registration())));
    }

    @Override
    public void onMessage(byte[] bytes) {
        heardAtNanos = node.ticker().nanos();
        try {
            handle(ControllerFrame.parseFrom(bytes));
        } catch (InvalidProtocolBufferException e) {
            fail(CallErrors.error(
                    TransferErrorCode.PROTOCOL_ERROR, link.address(), "a frame cannot be decoded: " + e.getMessage()));
        } catch (TransferException e) {
            fail(e);
        }
        ClientCall<byte[], byte[]> stream;
        synchronized (lock) {
            stream = ended ? null : call;
        }
        if (stream != null) {
            stream.request(1);
        }
    }

    private void handle(ControllerFrame frame) {
        switch (frame.getKindCase()) {
            case REGISTERED -> registered(frame.getRegistered());
            case KEPT_ALIVE -> {
                synchronized (lock) {
                    keepAliveUnanswered = false;
                }
            }
            case APPLIED -> applied(frame.getApplied());
            case SYNC_REQUEST -> {
                LOG.info(
                        "controller {} asks for all chunks: {}",
                        link.address(),
                        frame.getSyncRequest().getReason());
                beginSync();
            }
            case ORDER -> order(frame.getOrder());
            case DEREGISTERED -> over.complete(null);
            case KIND_NOT_SET -> LOG.debug("a frame of a kind that this version does not know");
        }
    }

    private void applied(Applied message) {
        synchronized (lock) {
            // what belongs to an earlier sync says nothing about this one
            if (message.getSync() == lastSync) {
                appliedSequence = message.getSequence();
                synced = true;
            }
        }
    }

    private void registered(Registered reply) {
        lease = WireDecoder.time(reply.getLeaseNanos(), "lease_nanos");
        Duration interval = WireDecoder.time(reply.getKeepAliveNanos(), "keep_alive_nanos");
        registered = true;
        link.registered(node, reply.getControllerId());
        beginSync();
        keepAliveIn(interval);
    }

    private void keepAliveIn(Duration interval) {
        Scheduler.Scheduled scheduled = node.later(interval, () -> keepAlive(interval));
        synchronized (lock) {
            timer = scheduled;
        }
    }

    private void keepAlive(Duration interval) {
        if (silence().compareTo(lease) >= 0) {
            fail(CallErrors.error(
                    TransferErrorCode.CONTROL_FAILED,
                    link.address(),
                    "not heard of for " + silence().toMillis() + " ms"));
            return;
        }
        boolean answered;
        synchronized (lock) {
            if (ended) {
                return;
            }
            answered = !keepAliveUnanswered;
            keepAliveUnanswered = true;
        }
        // one at a time is enough: a controller that does not answer is not flooded
        if (answered) {
            sendNow(NodeFrame.newBuilder().setKeepAlive(WireEncoder.stats(node.stats())));
        }
        keepAliveIn(interval);
    }

    private Duration silence() {
        return Duration.ofNanos(node.ticker().nanos() - heardAtNanos);
    }

    private void order(Order message) {
        NodeOrder order;
        try {
            order = WireDecoder.order(message);
        } catch (TransferException e) {
            answer(message.getId(), OrderResult.failed(e.code(), e.error().detail()));
            return;
        }
        Deadline deadline = Deadline.afterNanos(message.getRemainingNanos(), node.ticker());
        var ignored = node.orders().answer(order, deadline).thenAccept(result -> answer(order.id(), result));
    }

    private void answer(String id, OrderResult result) {
        sendNow(NodeFrame.newBuilder()
                .setOrderAnswer(OrderAnswer.newBuilder().setId(id).setResult(WireEncoder.result(result))));
    }

    private void beginSync() {
        node.run(() -> {
            NodeInventory.Snapshot snapshot = node.inventory().snapshot(this::dropPending);
            Queue<NodeFrame> frames = frames(snapshot);
            synchronized (lock) {
                // a later snapshot may have been taken meanwhile; it counts
                if (snapshot.number() == lastSync) {
                    sync = frames;
                }
            }
            send();
        });
    }

    /** What waits is in the snapshot that is taken at this moment; what comes is not. */
    private long dropPending() {
        synchronized (lock) {
            pending.clear();
            pendingKeys = 0;
            lastSync++;
            lastSequence = 0;
            appliedSequence = -1;
            following = true;
            syncWanted = false;
            // nothing is sent until the frames of the sync are there
            sync = new ArrayDeque<>();
            syncing = true;
            return lastSync;
        }
    }

    private static Queue<NodeFrame> frames(NodeInventory.Snapshot snapshot) {
        List<NodeFrame> frames = new ArrayList<>();
        frames.add(NodeFrame.newBuilder()
                .setSyncBegin(SyncBegin.newBuilder().setSync(snapshot.number()))
                .build());
        for (Tier tier : Tier.values()) {
            ChunkKeys keys = snapshot.held().in(tier);
            for (int from = 0; from < keys.size(); from += NodeInventory.MAX_KEYS_PER_FRAME) {
                int end = Math.min(keys.size(), from + NodeInventory.MAX_KEYS_PER_FRAME);
                frames.add(NodeFrame.newBuilder()
                        .setSyncPart(SyncPart.newBuilder()
                                .setTier(WireEncoder.tier(tier))
                                .setKeys(WireEncoder.keys(keys.slice(from, end))))
                        .build());
            }
        }
        frames.add(NodeFrame.newBuilder()
                .setSyncEnd(SyncEnd.newBuilder().setDigest(WireEncoder.digest(snapshot.digest())))
                .build());
        return new ArrayDeque<>(frames);
    }

    void add(ChunkDelta delta) {
        synchronized (lock) {
            if (ended || !following || syncWanted) {
                return;
            }
            pending.add(delta);
            pendingKeys += delta.keys().size();
            if (pendingKeys > maxPendingKeys) {
                pending.clear();
                pendingKeys = 0;
                syncWanted = true;
            }
        }
    }

    /** Sends what waits, as far as the controller takes it. */
    void send() {
        boolean startSync = false;
        synchronized (lock) {
            ClientCall<byte[], byte[]> stream = call;
            if (stream == null || !registered) {
                return;
            }
            while (!ended && stream.isReady()) {
                NodeFrame frame = nextFrame();
                if (frame == null) {
                    startSync = syncWanted && !syncing;
                    break;
                }
                stream.sendMessage(frame.toByteArray());
            }
        }
        if (startSync) {
            LOG.info("controller {} is slow; all chunks are sent to it anew", link.address());
            beginSync();
        }
    }

    private @Nullable NodeFrame nextFrame() {
        NodeFrame frame = sync.poll();
        if (frame != null) {
            syncing = !sync.isEmpty();
            return frame;
        }
        ChunkDelta delta = syncing ? null : pending.poll();
        if (delta == null) {
            return null;
        }
        pendingKeys -= delta.keys().size();
        return NodeFrame.newBuilder()
                .setBatch(WireEncoder.batch(delta.batch(++lastSequence)))
                .build();
    }

    /** Sends a small frame past what waits. */
    private void sendNow(NodeFrame.Builder frame) {
        byte[] bytes = frame.build().toByteArray();
        synchronized (lock) {
            if (call != null && !ended) {
                call.sendMessage(bytes);
            }
        }
    }

    @Override
    public void onReady() {
        send();
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
        end(
                status.isOk()
                        ? CallErrors.error(TransferErrorCode.LEASE_ENDED, link.address(), "it ended the session")
                        : CallErrors.ended(status, trailers, link.address()));
    }

    private void fail(TransferException why) {
        ClientCall<byte[], byte[]> stream;
        synchronized (lock) {
            stream = call;
        }
        end(why);
        if (stream != null) {
            stream.cancel(why.getMessage(), null);
        }
    }

    void end(TransferException why) {
        Scheduler.Scheduled running;
        synchronized (lock) {
            if (ended) {
                return;
            }
            ended = true;
            running = timer;
            pending.clear();
            sync.clear();
        }
        registered = false;
        synced = false;
        if (running != null) {
            running.cancel();
        }
        over.complete(null);
        link.ended(this, why);
    }

    /** Says goodbye. Completes when the controller has taken it, or cannot. */
    CompletableFuture<Void> deregister() {
        if (!registered) {
            return CompletableFuture.completedFuture(null);
        }
        sendNow(NodeFrame.newBuilder().setDeregister(Deregister.getDefaultInstance()));
        return over;
    }

    /** Whether the controller has answered within half a lease. */
    boolean isHeard() {
        return registered && silence().multipliedBy(2).compareTo(lease) < 0;
    }

    boolean isSynced() {
        return synced;
    }

    /** Whether the controller has applied everything there was to tell. */
    boolean isSettled() {
        synchronized (lock) {
            return synced
                    && !syncing
                    && !syncWanted
                    && sync.isEmpty()
                    && pending.isEmpty()
                    && appliedSequence == lastSequence;
        }
    }
}
