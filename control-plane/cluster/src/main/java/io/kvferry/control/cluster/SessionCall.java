package io.kvferry.control.cluster;

import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.Status;
import io.kvferry.control.cluster.wire.ClusterProto.Applied;
import io.kvferry.control.cluster.wire.ClusterProto.ControllerFrame;
import io.kvferry.control.cluster.wire.ClusterProto.Deregistered;
import io.kvferry.control.cluster.wire.ClusterProto.KeptAlive;
import io.kvferry.control.cluster.wire.ClusterProto.NodeFrame;
import io.kvferry.control.cluster.wire.ClusterProto.Order;
import io.kvferry.control.cluster.wire.ClusterProto.OrderAnswer;
import io.kvferry.control.cluster.wire.ClusterProto.Registered;
import io.kvferry.control.cluster.wire.ClusterProto.SyncRequest;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A node's session over gRPC.
 *
 * <p>The next frame is asked for when the one before is dealt with and the node takes what it is sent, so frames are dealt
 * with one after the other and neither side can be flooded.
 *
 * <p><b>Threads:</b> gRPC calls on an event loop; keepalives and answers are dealt with there, the rest on a virtual thread.
 * Frames are sent with {@link #sending} held, which does not block.
 */
final class SessionCall extends ServerCall.Listener<byte[]> implements NodeLink {
    private static final Logger LOG = LoggerFactory.getLogger(SessionCall.class);
    private static final int MAX_OUTSTANDING = 64;

    private final ServerCall<byte[], byte[]> call;
    private final ControllerServer server;
    private final Scheduler.@Nullable Scheduled firstFrame;

    private final Object sending = new Object();
    // all guarded by sending
    private boolean ended;
    private boolean wantsNext;
    private final Map<String, CompletableFuture<OrderResult>> outstanding = new HashMap<>();

    /** Number of the sync that the node has begun; frames are dealt with one after the other. */
    private volatile long lastSync;

    /** Set once, before any other frame is asked for. */
    private volatile @Nullable NodeSession session;

    private SessionCall(ServerCall<byte[], byte[]> call, ControllerServer server) {
        this.call = call;
        this.server = server;
        this.firstFrame = limitFirstFrame();
    }

    static ServerCall.Listener<byte[]> start(ServerCall<byte[], byte[]> call, ControllerServer server) {
        if (!server.enterStream(call)) {
            return new ServerCall.Listener<>() {};
        }
        SessionCall session = new SessionCall(call, server);
        call.sendHeaders(new Metadata());
        call.request(1);
        return session;
    }

    private Scheduler.@Nullable Scheduled limitFirstFrame() {
        try {
            return server.context().scheduler().schedule(server.context().in(server.defaultTimeout()), () -> {
                if (session == null) {
                    refuse(CallErrors.refusal(
                            TransferErrorCode.DEADLINE_EXCEEDED,
                            "no register within kvferry.controller.default-timeout"));
                }
            });
        } catch (TransferException shuttingDown) {
            return null;
        }
    }

    @Override
    public void onMessage(byte[] bytes) {
        NodeFrame frame;
        try {
            frame = NodeFrame.parseFrom(bytes);
            switch (frame.getKindCase()) {
                case KEEP_ALIVE -> handle(frame);
                case ORDER_ANSWER -> handle(frame);
                default -> {
                    server.blocking().execute(() -> handleOrRefuse(frame));
                    return;
                }
            }
            next();
        } catch (RejectedExecutionException e) {
            refuse(CallErrors.refusal(TransferErrorCode.SHUTTING_DOWN, "the controller is closing"));
        } catch (InvalidProtocolBufferException | RuntimeException | Error e) {
            refuse(CallErrors.of(e, server.context().counters()));
        }
    }

    private void handleOrRefuse(NodeFrame frame) {
        try {
            handle(frame);
            next();
        } catch (RuntimeException | Error e) {
            refuse(CallErrors.of(e, server.context().counters()));
        }
    }

    private void handle(NodeFrame frame) {
        NodeSession registered = session;
        if (registered == null) {
            if (!frame.hasRegister()) {
                throw WireDecoder.malformed("register", "the first frame must have it");
            }
            register(WireDecoder.registration(frame.getRegister()));
            return;
        }
        switch (frame.getKindCase()) {
            case REGISTER -> throw WireDecoder.malformed("register", "only the first frame may have it");
            case KEEP_ALIVE -> {
                if (registered.keepAlive(WireDecoder.stats(frame.getKeepAlive()))) {
                    send(ControllerFrame.newBuilder().setKeptAlive(KeptAlive.getDefaultInstance()));
                }
            }
            case SYNC_BEGIN -> {
                lastSync = frame.getSyncBegin().getSync();
                registered.beginSync();
            }
            case SYNC_PART ->
                registered.addToSync(
                        WireDecoder.tier(frame.getSyncPart().getTierValue()),
                        WireDecoder.keys(frame.getSyncPart().getKeys(), registered.keyBytes(), "sync_part.keys"));
            case SYNC_END -> {
                if (registered.finishSync(WireDecoder.digest(
                        frame.getSyncEnd().hasDigest(), frame.getSyncEnd().getDigest()))) {
                    applied(0);
                }
            }
            case BATCH -> {
                ChunkBatch batch = WireDecoder.batch(frame.getBatch(), registered.keyBytes());
                if (registered.apply(batch)) {
                    applied(batch.sequence());
                }
            }
            case ORDER_ANSWER -> answered(frame.getOrderAnswer());
            case DEREGISTER -> {
                registered.deregister(server.context().in(server.storeTimeout()));
                goodbye();
            }
            case KIND_NOT_SET -> LOG.debug("a frame of a kind that this version does not know");
        }
    }

    private void register(NodeRegistration registration) {
        ControllerContext context = server.context();
        NodeSession opened = server.controller().connect(registration, this, context.in(server.storeTimeout()));
        session = opened;
        if (firstFrame != null) {
            firstFrame.cancel();
        }
        boolean tooLate;
        synchronized (sending) {
            tooLate = ended;
        }
        if (tooLate) {
            opened.close();
            return;
        }
        send(ControllerFrame.newBuilder()
                .setRegistered(Registered.newBuilder()
                        .setSchemaVersion(Math.min(registration.schemaVersion(), NodeRegistration.SCHEMA_VERSION))
                        .setLeaseNanos(opened.lease().toNanos())
                        .setKeepAliveNanos(opened.keepAliveInterval().toNanos())
                        .setControllerId(context.id())));
        opened.takeOrders();
    }

    private void applied(long sequence) {
        send(ControllerFrame.newBuilder()
                .setApplied(Applied.newBuilder().setSync(lastSync).setSequence(sequence)));
    }

    private void answered(OrderAnswer answer) {
        CompletableFuture<OrderResult> waiting;
        synchronized (sending) {
            waiting = outstanding.remove(WireDecoder.orderId(answer.getId()));
        }
        // an answer that nobody waits for any more is late, not wrong
        if (waiting != null) {
            waiting.complete(WireDecoder.result(answer.getResult()));
        }
    }

    @Override
    public CompletionStage<OrderResult> send(NodeOrder order, Deadline deadline) {
        CompletableFuture<OrderResult> answer = new CompletableFuture<>();
        synchronized (sending) {
            if (ended) {
                return CompletableFuture.failedStage(lost());
            }
            outstanding.values().removeIf(CompletableFuture::isDone);
            if (outstanding.size() >= MAX_OUTSTANDING) {
                return CompletableFuture.failedStage(ControllerContext.error(
                        TransferErrorCode.RESOURCE_EXHAUSTED,
                        "the node has " + MAX_OUTSTANDING + " orders that it has not answered"));
            }
            outstanding.put(order.id(), answer);
        }
        giveUpBy(deadline, order.id(), answer);
        send(ControllerFrame.newBuilder()
                .setOrder(Order.newBuilder()
                        .setId(order.id())
                        .setAction(WireEncoder.action(order.action()))
                        .setRemainingNanos(Math.max(0, deadline.remainingNanos()))));
        return answer;
    }

    /** Whoever asked has stopped waiting by then; the place of the order is free again. */
    private void giveUpBy(Deadline deadline, String id, CompletableFuture<OrderResult> answer) {
        try {
            Scheduler.Scheduled task = server.context().scheduler().schedule(deadline, () -> {
                synchronized (sending) {
                    outstanding.remove(id, answer);
                }
            });
            var ignored = answer.whenComplete((_, _) -> task.cancel());
        } catch (TransferException shuttingDown) {
            LOG.debug("the controller is closing");
        }
    }

    @Override
    public void requestSync(String reason) {
        send(ControllerFrame.newBuilder()
                .setSyncRequest(SyncRequest.newBuilder().setReason(reason)));
    }

    private void send(ControllerFrame.Builder frame) {
        byte[] bytes = frame.build().toByteArray();
        synchronized (sending) {
            if (!ended && !call.isCancelled()) {
                call.sendMessage(bytes);
            }
        }
    }

    /** Asks for the next frame, once the node has taken enough of what was sent. */
    private void next() {
        synchronized (sending) {
            if (ended) {
                return;
            }
            wantsNext = !call.isReady();
            if (!wantsNext) {
                call.request(1);
            }
        }
    }

    @Override
    public void onReady() {
        synchronized (sending) {
            if (wantsNext && !ended) {
                wantsNext = false;
                call.request(1);
            }
        }
    }

    @Override
    public void end(TransferErrorCode code, String detail) {
        refuse(CallErrors.refusal(code, detail));
    }

    private void refuse(TransferError error) {
        close(CallErrors.status(error), CallErrors.trailers(error), List.of());
    }

    private void goodbye() {
        close(
                Status.OK,
                new Metadata(),
                List.of(ControllerFrame.newBuilder()
                        .setDeregistered(Deregistered.getDefaultInstance())
                        .build()
                        .toByteArray()));
    }

    private void close(Status status, Metadata trailers, List<byte[]> lastFrames) {
        List<CompletableFuture<OrderResult>> lost;
        synchronized (sending) {
            if (ended) {
                return;
            }
            ended = true;
            lost = List.copyOf(outstanding.values());
            outstanding.clear();
            if (!call.isCancelled()) {
                lastFrames.forEach(call::sendMessage);
                call.close(status, trailers);
            }
        }
        lost.forEach(answer -> answer.completeExceptionally(lost()));
        if (firstFrame != null) {
            firstFrame.cancel();
        }
        NodeSession open = session;
        if (open != null) {
            open.close();
        }
    }

    private static TransferException lost() {
        return ControllerContext.error(TransferErrorCode.CONTROL_FAILED, "the session of the node is lost");
    }

    @Override
    public void onHalfClose() {
        close(Status.OK, new Metadata(), List.of());
    }

    @Override
    public void onCancel() {
        close(Status.CANCELLED, new Metadata(), List.of());
        server.leaveStream();
    }

    @Override
    public void onComplete() {
        server.leaveStream();
    }
}
