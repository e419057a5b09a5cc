package io.kvferry.backend.tcp;

import io.kvferry.netty.ByteReceiver;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.LeaseKey;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One connection between two instances, from greeting to goodbye: it carries the streams of any number of transfers and
 * fails them when it is lost. Confined to its event loop, but for what says
 * otherwise.
 */
@SuppressWarnings("FutureReturnValueIgnored") // what fails here closes the channel, and that is heard
final class Lane extends ChannelInboundHandlerAdapter {
    private static final Logger LOG = LoggerFactory.getLogger(Lane.class);
    private static final TcpLease NO_LEASE = new TcpLease(0, new LeaseKey(0, 0, 0));

    private final LaneScope scope;
    private final Channel channel;
    private final boolean dialed;
    private final ByteReceiver receiver;
    private final ReadQueue reads = new ReadQueue(this);
    private final AckQueue acks = new AckQueue(this);
    private final ProgressWatch progress;
    private final CompletableFuture<Lane> opened = new CompletableFuture<>();
    private final CompletableFuture<Void> closed = new CompletableFuture<>();
    private final AtomicReference<@Nullable Refusal> closeReason = new AtomicReference<>();

    private volatile long peerInstance;
    private @Nullable FrameSender sender;
    /** Ends a greeting or a goodbye that takes too long. */
    private Scheduler.@Nullable Scheduled timer;

    private Lane(LaneScope scope, Channel channel, boolean dialed, long peerInstance) {
        this.scope = scope;
        this.channel = channel;
        this.dialed = dialed;
        this.peerInstance = peerInstance;
        this.receiver =
                new FrameReceiver(new FrameRouter(this, scope), scope.config().readsPerWakeup()).bytes();
        this.progress = new ProgressWatch(this, scope.config().progressTimeout());
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

    /** Tells whether both sides have greeted and neither is leaving. */
    boolean isOpen() {
        return opened.isDone() && !opened.isCompletedExceptionally() && !isClosing();
    }

    /** Tells whether this side has given the connection up or lost it: what still comes is drained. */
    boolean isClosing() {
        return closeReason.get() != null || !channel.isActive();
    }

    /** Why the connection has closed or is closing. */
    Refusal closeReason() {
        Refusal reason = closeReason.get();
        return reason != null
                ? reason
                : new Refusal(TransferErrorCode.PEER_LOST, "connection " + this + " was lost; prepare again");
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

    /** Closes the connection at once; its transfers fail for this reason. Idempotent, the first reason counts. */
    void close(TransferErrorCode code, String detail) {
        closeReason.compareAndSet(null, new Refusal(code, detail));
        channel.close();
    }

    /**
     * Closes the connection in good order: says goodbye behind what is under way, and waits until the peer has heard it and
     * closes, or until the deadline. Transfers on both sides that need the lane fail SHUTTING_DOWN.
     */
    void leave(String detail, Deadline deadline) {
        execute(() -> sayGoodbye(detail, deadline));
    }

    private void sayGoodbye(String detail, Deadline deadline) {
        if (!isOpen()) {
            close(TransferErrorCode.SHUTTING_DOWN, detail);
            return;
        }
        acks.write(); // what has been applied is not in doubt
        closeReason.compareAndSet(null, new Refusal(TransferErrorCode.SHUTTING_DOWN, detail));
        receiver.turnAway();
        reads.close();
        sender().close();
        sender().error(0, NO_LEASE, TransferErrorCode.SHUTTING_DOWN, detail);
        transfers().forEach(this::failIfNeeded);
        // closing before the peer does would reset the connection and could overtake the goodbye
        timer = schedule(deadline, channel::close);
        if (timer == null) {
            channel.close();
        } else {
            sender().pump();
        }
    }

    // Streams.

    /** Sends blocks of a stream. */
    void send(OutStream stream, BlockRange range) {
        if (isClosing()) {
            failLost(stream.transfer());
            return;
        }
        stream.send(range);
        progress.add(stream);
        sender().enqueue(stream);
        sender().pump();
    }

    /** Asks the target for blocks of a stream. */
    void read(InStream stream, BlockRange range) {
        if (isClosing()) {
            failLost(stream.transfer());
            return;
        }
        if (stream.transfer().hasEnded()) {
            return;
        }
        stream.await(range);
        progress.add(stream);
        reads.add(stream, range);
        sender().pump();
    }

    /** A stream that receives has been stopped: what still comes for it is drained. */
    void stopReceiving(InStream stream) {
        TcpTransfer transfer = stream.transfer();
        receiver.turnAway(transfer.gate());
        if (stream.awaitedRanges() > 0 && !isClosing()) {
            sender().error(stream.name(), transfer.lease(), TransferErrorCode.CANCELLED, "the initiator has finished");
            reads.forget(stream);
            sender().pump();
        }
    }

    ReadQueue reads() {
        return reads;
    }

    /** Reads the clock. */
    long nanos() {
        return scope.ticker().nanos();
    }

    AckQueue acks() {
        return acks;
    }

    ProgressWatch progress() {
        return progress;
    }

    FrameSender sender() {
        FrameSender writer = sender;
        if (writer == null) {
            throw new IllegalStateException("the lane is not on its channel");
        }
        return writer;
    }

    private void failLost(TcpTransfer transfer) {
        Refusal reason = closeReason();
        transfer.fail(reason.code(), reason.detail());
    }

    /** Runs a task on the event loop later; null if nothing is scheduled any more. */
    Scheduler.@Nullable Scheduled schedule(Duration delay, Runnable task) {
        return schedule(Deadline.after(delay, scope.ticker()), task);
    }

    private Scheduler.@Nullable Scheduled schedule(Deadline when, Runnable task) {
        try {
            return scope.scheduler().schedule(when, () -> execute(task));
        } catch (TransferException closing) {
            LOG.debug("{}: the scheduler has ended", this);
            return null;
        }
    }

    // Life of the connection.

    @Override
    public void handlerAdded(ChannelHandlerContext context) {
        sender = new FrameSender(context, scope.config().frameBytes());
        timer = schedule(scope.config().connectTimeout(), this::giveUpGreeting);
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
        stopTimer();
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

    @Override
    public void channelReadComplete(ChannelHandlerContext context) {
        acks.readLoopEnded();
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
        stopTimer();
        receiver.close();
        sender().close();
        reads.close();
        acks.close();
        Refusal reason = closeReason.get();
        opened.completeExceptionally(new TransferException(
                reason == null ? TransferErrorCode.CONNECTION_FAILED : reason.code(),
                Stage.PREPARE,
                reason == null ? "connection " + this + " was closed before it was greeted" : reason.detail()));
        transfers().forEach(this::takeOut);
        closed.complete(null);
    }

    private void stopTimer() {
        if (timer != null) {
            timer.cancel();
        }
    }

    /** The transfers that may have a stream here. */
    private TransferTable transfers() {
        return dialed ? scope.initiated() : scope.leases();
    }

    private void takeOut(TcpTransfer transfer) {
        failIfNeeded(transfer);
        LaneStream stream = transfer.streamOn(this);
        if (stream != null) {
            transfer.remove(stream);
        }
    }

    /** Fails a transfer that cannot end without this lane. */
    private void failIfNeeded(TcpTransfer transfer) {
        LaneStream stream = transfer.streamOn(this);
        if (stream == null) {
            return;
        }
        boolean awaitsBytes = !dialed && transfer.terms().operation() == Operation.WRITE && transfer.isUnderWay();
        if (stream.isBusy() || awaitsBytes) {
            failLost(transfer);
        }
    }

    @Override
    public String toString() {
        return (dialed ? "to " : "from ") + channel.remoteAddress();
    }
}
