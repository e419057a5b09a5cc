package io.kvferry.backend.tcp;

import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One connection between two instances, from its first byte to its last: it greets, carries the streams of any number of
 * transfers, watches their progress, and fails them when it is lost. Confined to its event loop, but for what says
 * otherwise.
 */
@SuppressWarnings("FutureReturnValueIgnored") // what fails here closes the channel, and that is heard
final class Lane extends ChannelInboundHandlerAdapter {
    private static final Logger LOG = LoggerFactory.getLogger(Lane.class);
    /** Most READ requests that wait at the target at one time; the initiator keeps the rest back. */
    static final int MAX_READS = 256;
    /** Checks without progress in one progress timeout: a check that came late for our own fault does no harm. */
    private static final int QUIET_CHECKS = 4;
    /** Acknowledge at the latest after so many bytes, however long the read loop goes on. */
    private static final long ACK_BYTES = 4 << 20;

    private static final LeaseKey NO_LEASE = new LeaseKey(0, 0, 0, 0);

    private record ReadRequest(InStream stream, BlockRange range) {}

    private final LaneScope scope;
    private final Channel channel;
    private final boolean dialed;
    private final FrameReceiver receiver;
    private final CompletableFuture<Lane> opened = new CompletableFuture<>();
    private final CompletableFuture<Void> closed = new CompletableFuture<>();
    private final AtomicReference<@Nullable Refusal> closeReason = new AtomicReference<>();

    private volatile long peerInstance;
    private @Nullable FrameSender sender;
    private Scheduler.@Nullable Scheduled greeting;

    private final Set<LaneStream> watched = new HashSet<>();
    private boolean watching;

    private final ArrayList<InStream> acksDue = new ArrayList<>();
    private long unacknowledgedBytes;

    private final ArrayDeque<ReadRequest> heldReads = new ArrayDeque<>();
    private int readsUnderWay;

    private Lane(LaneScope scope, Channel channel, boolean dialed, long peerInstance) {
        this.scope = scope;
        this.channel = channel;
        this.dialed = dialed;
        this.peerInstance = peerInstance;
        this.receiver =
                new FrameReceiver(new FrameRouter(this, scope), scope.config().readsPerWakeup());
    }

    /** Makes the lane of a connection to be dialed. */
    static Lane dial(LaneScope scope, Channel channel, long peerInstance) {
        return new Lane(scope, channel, true, peerInstance);
    }

    /** Makes the lane of a connection that was accepted. */
    static Lane accept(LaneScope scope, Channel channel) {
        return new Lane(scope, channel, false, 0);
    }

    /** Puts the lane on its channel. */
    void install() {
        channel.config().setRecvByteBufAllocator(receiver);
        channel.pipeline().addLast(this);
    }

    // What any thread may call.

    boolean isDialed() {
        return dialed;
    }

    long peerInstance() {
        return peerInstance;
    }

    boolean isOpen() {
        return opened.isDone() && !opened.isCompletedExceptionally() && channel.isActive();
    }

    /** Completes when both sides have greeted, or fails with a {@link TransferException}. */
    CompletableFuture<Lane> opened() {
        return opened;
    }

    /** Completes when the connection is gone and nothing of it touches memory. */
    CompletableFuture<Void> closed() {
        return closed;
    }

    /** Runs a task on the event loop, in order with other tasks; drops it once the loop has ended. */
    void execute(Runnable task) {
        try {
            channel.eventLoop().execute(task);
        } catch (RejectedExecutionException ended) {
            LOG.debug("{}: the event loop has ended", this);
        }
    }

    /** Closes the connection; its transfers fail for this reason. Idempotent, the first reason counts. */
    void close(TransferErrorCode code, String detail) {
        closeReason.compareAndSet(null, new Refusal(code, detail));
        channel.close();
    }

    // Streams.

    /** Sends blocks of a stream. */
    void send(OutStream stream, BlockRange range) {
        if (!channel.isActive()) {
            failLost(stream.transfer());
            return;
        }
        stream.send(range);
        watch(stream);
        sender().enqueue(stream);
        sender().pump();
    }

    /** Asks the target for blocks of a stream. */
    void read(InStream stream, BlockRange range) {
        if (!channel.isActive()) {
            failLost(stream.transfer());
            return;
        }
        if (stream.transfer().hasEnded()) {
            return;
        }
        heldReads.add(new ReadRequest(stream, range));
        stream.await(range);
        watch(stream);
        releaseReads();
        sender().pump();
    }

    private void releaseReads() {
        while (readsUnderWay < MAX_READS && !heldReads.isEmpty()) {
            ReadRequest request = heldReads.remove();
            TcpTransfer transfer = request.stream().transfer();
            readsUnderWay++;
            FrameHeader header =
                    sender().header(FrameType.READ, request.stream().name()).lease(transfer.lease());
            header.block = request.range().first();
            header.count = request.range().count();
            header.flags = transfer.terms().checksum() ? FrameHeader.FLAG_CHECKSUM : 0;
            sender().control();
        }
    }

    /** The oldest READ request has been answered in full. */
    void readCompleted() {
        readsUnderWay--;
        if (!heldReads.isEmpty()) {
            releaseReads();
        }
    }

    /** A stream that receives has been stopped: what still comes for it is drained. */
    void stopReceiving(InStream stream) {
        TcpTransfer transfer = stream.transfer();
        receiver.turnAway(transfer);
        if (stream.awaitedRanges() > 0) {
            int before = heldReads.size();
            heldReads.removeIf(request -> request.stream() == stream);
            readsUnderWay -= stream.awaitedRanges() - (before - heldReads.size());
            if (channel.isActive()) {
                sender().error(
                                stream.name(),
                                transfer.lease(),
                                TransferErrorCode.CANCELLED,
                                "the initiator has finished");
                releaseReads();
                sender().pump();
            }
        }
    }

    /** Notes that applied blocks are to be acknowledged, and does so once enough has come together. */
    void acknowledge(InStream stream) {
        if (!stream.setAckDue(true)) {
            acksDue.add(stream);
        }
        if (stream.transfer().isComplete() || unacknowledgedBytes >= ACK_BYTES) {
            writeAcks();
            sender().pump();
        }
    }

    private void writeAcks() {
        unacknowledgedBytes = 0;
        for (InStream stream : acksDue) {
            stream.setAckDue(false);
            FrameHeader header = sender().header(FrameType.ACK, stream.name())
                    .lease(stream.transfer().lease());
            header.offset = stream.applied();
            sender().control();
        }
        acksDue.clear();
    }

    FrameSender sender() {
        FrameSender writer = sender;
        if (writer == null) {
            throw new IllegalStateException("the lane is not on its channel");
        }
        return writer;
    }

    private void failLost(TcpTransfer transfer) {
        Refusal reason = closeReason.get();
        if (reason == null) {
            transfer.fail(TransferErrorCode.PEER_LOST, "connection " + this + " was lost; prepare again");
        } else {
            transfer.fail(reason.code(), reason.detail());
        }
    }

    // Progress.

    /** Watches a stream that has something outstanding. */
    void watch(LaneStream stream) {
        watched.add(stream);
        if (!watching) {
            watching = true;
            scheduleCheck();
        }
    }

    /** A stream has nothing outstanding any more. */
    void unwatch(LaneStream stream) {
        watched.remove(stream);
    }

    private void scheduleCheck() {
        long nanos = scope.config().progressTimeout().toNanos() / QUIET_CHECKS;
        scheduleOnLoop(nanos, this::checkProgress);
    }

    private Scheduler.@Nullable Scheduled scheduleOnLoop(long nanos, Runnable task) {
        try {
            return scope.scheduler().schedule(Deadline.afterNanos(nanos, scope.ticker()), () -> execute(task));
        } catch (TransferException closing) {
            LOG.debug("{}: the scheduler has ended", this);
            return null;
        }
    }

    private void checkProgress() {
        watched.removeIf(stream -> !stream.isBusy());
        for (LaneStream stream : List.copyOf(watched)) {
            if (stream.countQuietCheck() >= QUIET_CHECKS) {
                stream.transfer()
                        .fail(
                                TransferErrorCode.PEER_LOST,
                                "no progress with bytes outstanding for kvferry.tcp.progress-timeout="
                                        + scope.config().progressTimeout() + " on " + this);
            }
        }
        watching = !watched.isEmpty() && channel.isActive();
        if (watching) {
            scheduleCheck();
        }
    }

    // Life of the connection.

    @Override
    public void handlerAdded(ChannelHandlerContext context) {
        sender = new FrameSender(context, scope.config().frameBytes());
        greeting = scheduleOnLoop(scope.config().connectTimeout().toNanos(), this::giveUpGreeting);
    }

    @Override
    public void channelActive(ChannelHandlerContext context) {
        if (dialed) {
            FrameHeader header = sender().header(FrameType.HELLO, scope.instance());
            header.slot = peerInstance;
            header.count = FrameHeader.PROTOCOL_VERSION;
            sender().control();
            sender().pump();
        }
    }

    private void giveUpGreeting() {
        if (!opened.isDone()) {
            scope.refused().incrementAndGet();
            close(
                    TransferErrorCode.CONNECTION_FAILED,
                    this + " did not connect and greet within kvferry.tcp.connect-timeout="
                            + scope.config().connectTimeout());
        }
    }

    /** Both sides have greeted. */
    void greeted(long instance) {
        peerInstance = instance;
        if (greeting != null) {
            greeting.cancel();
        }
        opened.complete(this);
    }

    /** The peer broke the protocol: says so and closes. */
    void refuseConnection(TransferErrorCode code, String detail) {
        scope.refused().incrementAndGet();
        LOG.debug("{}: closing, {}: {}", this, code, detail);
        closeReason.compareAndSet(null, new Refusal(code, detail));
        if (channel.isActive()) {
            sender().error(0, NO_LEASE, code, detail);
            sender().pump();
        }
        channel.close();
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        receiver.received((ByteBuf) message);
    }

    /** Counts payload that has landed. */
    void landed(int bytes) {
        unacknowledgedBytes += bytes;
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext context) {
        if (!acksDue.isEmpty()) {
            writeAcks();
        }
        sender().pump();
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext context) {
        if (channel.isWritable()) {
            sender().pump();
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        TransferErrorCode code =
                cause instanceof java.io.IOException ? TransferErrorCode.PEER_LOST : TransferErrorCode.INTERNAL;
        if (code == TransferErrorCode.INTERNAL) {
            LOG.warn("{}: closing after a bug", this, cause);
        }
        close(code, "connection " + this + " broke: " + cause);
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext context) {
        if (greeting != null) {
            greeting.cancel();
        }
        receiver.close();
        sender().close();
        heldReads.clear();
        acksDue.clear();
        Refusal reason = closeReason.get();
        opened.completeExceptionally(new TransferException(
                reason == null ? TransferErrorCode.CONNECTION_FAILED : reason.code(),
                Stage.PREPARE,
                reason == null ? "connection " + this + " was closed before it was greeted" : reason.detail()));
        (dialed ? scope.initiated() : scope.leases()).forEach(this::leave);
        closed.complete(null);
    }

    /** Takes this lane out of a transfer, which fails if it needed the lane. */
    private void leave(TcpTransfer transfer) {
        LaneStream stream = transfer.streamOn(this);
        if (stream == null) {
            return;
        }
        boolean awaitsBytes = !dialed && transfer.terms().operation() == Operation.WRITE && transfer.isUnderWay();
        if (stream.isBusy() || awaitsBytes) {
            failLost(transfer);
        }
        transfer.remove(stream);
    }

    @Override
    public String toString() {
        return (dialed ? "to " : "from ") + channel.remoteAddress();
    }
}
