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
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One session of this node at one controller, from the stream's start to its end.
 *
 * <p>Sends changes as fast as the controller takes them, and all that the node holds when the controller asks for it.
 *
 * <p><b>Threads:</b> gRPC calls on an event loop, the timer on its thread. The lock is held while frames are handed to gRPC,
 * which does not block; user code is called without it.
 */
final class ClientSession extends ClientCall.Listener<byte[]> {
    private static final Logger LOG = LoggerFactory.getLogger(ClientSession.class);

    /** What a controller asks for more often would be a flood. */
    private static final Duration SHORTEST_INTERVAL = Duration.ofMillis(1);

    private final ControllerLink link;
    private final ClientNode node;
    private final OutgoingChanges changes;
    private final CompletableFuture<Void> over = new CompletableFuture<>();

    private final Object lock = new Object();
    // all guarded by lock
    private @Nullable ClientCall<byte[], byte[]> call;
    private boolean ended;
    private boolean keepAliveUnanswered;
    private Scheduler.@Nullable Scheduled timer;

    private volatile boolean registered;
    private volatile boolean synced;
    private volatile long heardAtNanos;
    private volatile Duration lease = Duration.ZERO;

    ClientSession(ControllerLink link, ClientNode node, int maxPendingKeys) {
        this.link = link;
        this.node = node;
        this.changes = new OutgoingChanges(maxPendingKeys);
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
            fail(ClientErrors.error(
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
        if (changes.applied(message)) {
            synced = true;
        }
    }

    private void registered(Registered reply) {
        if (registered) {
            throw WireDecoder.malformed("registered", "comes a second time");
        }
        lease = WireDecoder.time(reply.getLeaseNanos(), "lease_nanos");
        Duration interval = WireDecoder.time(reply.getKeepAliveNanos(), "keep_alive_nanos");
        if (interval.compareTo(SHORTEST_INTERVAL) < 0 || interval.compareTo(lease) > 0) {
            throw WireDecoder.malformed("keep_alive_nanos", interval + " is not from 1 ms to the lease, " + lease);
        }
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
            fail(ClientErrors.error(
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
            changes.sync(node.inventory().snapshot(changes::beginSync));
            send();
        });
    }

    void add(ChunkDelta delta) {
        changes.add(delta);
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
                NodeFrame frame = changes.next();
                if (frame == null) {
                    startSync = changes.wantsSync();
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
                        ? ClientErrors.error(TransferErrorCode.LEASE_ENDED, link.address(), "it ended the session")
                        : ClientErrors.ended(status, trailers, link.address()));
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
        }
        changes.close();
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
        return synced && changes.isSettled();
    }
}
