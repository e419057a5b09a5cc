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
import io.kvferry.control.cluster.wire.ClusterProto.Registered;
import io.kvferry.control.cluster.wire.ClusterProto.SyncRequest;
import io.kvferry.control.grpc.CallErrors;
import io.kvferry.control.grpc.ErrorCodec;
import io.kvferry.control.grpc.PortCounters.Kind;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

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

    private final ServerCall<byte[], byte[]> call;
    private final ControllerServer server;
    private final Scheduler.@Nullable Scheduled firstFrame;

    private final OutstandingOrders orders;
    private final Object sending = new Object();
    // all guarded by sending
    private boolean ended;
    private boolean wantsNext;

    /** Number of the sync that the node has begun; frames are dealt with one after the other. */
    private volatile long lastSync;

    /** Set once, before any other frame is asked for. */
    private volatile @Nullable NodeSession session;

    private SessionCall(ServerCall<byte[], byte[]> call, ControllerServer server) {
        this.call = call;
        this.server = server;
        this.orders = new OutstandingOrders(server.context().scheduler());
        this.firstFrame = limitFirstFrame();
    }

    static ServerCall.Listener<byte[]> start(ServerCall<byte[], byte[]> call, ControllerServer server) {
        if (!server.streams().enter(call, Stage.REGISTER)) {
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
                    refuse(ControllerContext.refusal(
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
            refuse(ControllerContext.refusal(TransferErrorCode.SHUTTING_DOWN, "the controller is closing"));
        } catch (InvalidProtocolBufferException | RuntimeException | Error e) {
            refuse(server.context().refusal(e));
        }
    }

    private void handleOrRefuse(NodeFrame frame) {
        try {
            handle(frame);
            next();
        } catch (RuntimeException | Error e) {
            refuse(server.context().refusal(e));
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
            case ORDER_ANSWER -> orders.answered(frame.getOrderAnswer());
            case DEREGISTER -> {
                registered.deregister(server.context().in(server.storeTimeout()));
                goodbye();
            }
            case KIND_NOT_SET -> server.context().counters().port().count(Kind.UNKNOWN_FRAMES);
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

    @Override
    public CompletionStage<OrderResult> send(NodeOrder order, Deadline deadline) {
        CompletableFuture<OrderResult> answer = orders.add(order.id(), deadline);
        if (!answer.isDone()) {
            send(ControllerFrame.newBuilder()
                    .setOrder(Order.newBuilder()
                            .setId(order.id())
                            .setAction(WireEncoder.action(order.action()))
                            .setRemainingNanos(Math.max(0, deadline.remainingNanos()))));
        }
        return answer;
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
        refuse(ControllerContext.refusal(code, detail));
    }

    private void refuse(TransferError error) {
        close(CallErrors.status(error), ErrorCodec.toTrailers(error), List.of());
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
        synchronized (sending) {
            if (ended) {
                return;
            }
            ended = true;
            if (!call.isCancelled()) {
                lastFrames.forEach(call::sendMessage);
                call.close(status, trailers);
            }
        }
        orders.close();
        if (firstFrame != null) {
            firstFrame.cancel();
        }
        NodeSession open = session;
        if (open != null) {
            open.close();
        }
    }

    @Override
    public void onHalfClose() {
        close(Status.OK, new Metadata(), List.of());
    }

    @Override
    public void onCancel() {
        close(Status.CANCELLED, new Metadata(), List.of());
        server.streams().leave();
    }

    @Override
    public void onComplete() {
        server.streams().leave();
    }
}
