package io.kvferry.backend.mooncake;

import io.kvferry.netty.BlockCursor;
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
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The initiator's end of one data connection. Requests are pipelined, and answers come in the order of requests; streams
 * take turns of one request each, and only while the channel's queue is short: so a small transfer is not stuck behind a
 * large one, and what is cancelled stops soon. On any doubt the connection is dropped. Confined to its event loop, but for
 * what says otherwise.
 *
 * <p>Towards a target of the first generation, which answers no WRITE, a READ of the last byte written on the same
 * connection is the evidence: its answer implies that everything before was applied.
 */
@SuppressWarnings("FutureReturnValueIgnored") // what fails here closes the channel, and that is heard
final class ClientLane extends ChannelInboundHandlerAdapter implements ByteReceiver.Listener {
    private static final Logger LOG = LoggerFactory.getLogger(ClientLane.class);

    private final WireScope scope;
    private final Channel channel;
    private final LoopTasks loop;
    /** Whether requests are answered by status frames. */
    private final boolean acknowledged;

    private final ByteReceiver receiver;
    private final ProgressWatch progress;
    private final ArrayDeque<BlockStream> turns = new ArrayDeque<>();
    /** Requests that have no complete answer yet, in the order in which they were sent. */
    private final ArrayDeque<Exchange> outstanding = new ArrayDeque<>();

    private final CompletableFuture<ClientLane> opened = new CompletableFuture<>();
    private final CompletableFuture<Void> closed = new CompletableFuture<>();
    private final AtomicReference<@Nullable Refusal> closeReason = new AtomicReference<>();
    private @Nullable MessageWriter writer;
    private Scheduler.@Nullable Scheduled connectTimer;
    /** Bytes asked for that are not here. */
    private long bytesAwaited;

    private boolean pumping;

    ClientLane(WireScope scope, Channel channel, boolean acknowledged) {
        this.scope = scope;
        this.channel = channel;
        this.loop = new LoopTasks(channel, scope.scheduler());
        this.acknowledged = acknowledged;
        this.receiver = new ByteReceiver(this, scope.config().readsPerWakeup());
        this.progress = new ProgressWatch(scope, loop, () -> !outstanding.isEmpty(), this::stuck);
    }

    /** Puts the lane on its channel. */
    void install() {
        channel.config().setRecvByteBufAllocator(receiver);
        channel.pipeline().addLast(this);
    }

    // What any thread may call.

    boolean isOpen() {
        return opened.isDone() && !opened.isCompletedExceptionally() && !isClosing();
    }

    private boolean isClosing() {
        return closeReason.get() != null || !channel.isActive();
    }

    /** Why the connection has closed or is closing. */
    Refusal closeReason() {
        Refusal reason = closeReason.get();
        return reason != null
                ? reason
                : new Refusal(TransferErrorCode.PEER_LOST, "connection " + this + " was lost; prepare again");
    }

    CompletableFuture<ClientLane> opened() {
        return opened;
    }

    /** Completes when the connection is gone and nothing of it touches memory. */
    CompletableFuture<Void> closed() {
        return closed;
    }

    /** Closes the connection at once; its transfers fail for this reason. Idempotent, the first reason counts. */
    void close(TransferErrorCode code, String detail) {
        closeReason.compareAndSet(null, new Refusal(code, detail));
        channel.close();
    }

    /** Moves the blocks of a stream. */
    void start(BlockStream stream) {
        loop.execute(() -> {
            if (isClosing()) {
                fail(stream.transfer());
                return;
            }
            turns.add(stream);
            pump();
        });
    }

    /** A transfer has been sealed: what still comes for it is drained. */
    void stop(WireTransfer transfer) {
        loop.execute(() -> {
            turns.removeIf(stream -> stream.transfer().equals(transfer));
            receiver.turnAway(transfer.tally().gate());
        });
    }

    // Sending.

    private MessageWriter writer() {
        MessageWriter open = writer;
        if (open == null) {
            throw new IllegalStateException("the lane is not on its channel");
        }
        return open;
    }

    private void pump() {
        if (pumping) {
            return;
        }
        pumping = true;
        try {
            while (writer().isWritable() && hasRoom()) {
                BlockStream stream = turns.poll();
                if (stream == null) {
                    break;
                }
                send(stream);
            }
        } finally {
            pumping = false;
        }
        writer().flush();
        progress.moved();
    }

    private boolean hasRoom() {
        return outstanding.size() < scope.config().pipeline()
                && bytesAwaited < scope.config().readAheadBytes();
    }

    private void send(BlockStream stream) {
        WireTransfer transfer = stream.transfer();
        if (transfer.tally().hasEnded()) {
            return;
        }
        if (transfer.operation() == Operation.WRITE) {
            if (!write(stream)) {
                return;
            }
        } else {
            read(stream.nextRead(scope.config().sliceBytes()));
        }
        if (stream.hasNext()) {
            turns.add(stream);
        }
    }

    private boolean write(BlockStream stream) {
        WireTransfer transfer = stream.transfer();
        if (!transfer.tally().gate().enter()) {
            return false;
        }
        OutMessage message = writer().take();
        Exchange exchange = stream.nextWrite(message, scope.config().sliceBytes());
        message.whenFlushed(transfer.tally().gate(), () -> flushed(exchange));
        new RequestHeader(exchange.size(), exchange.address(), Operation.WRITE, acknowledged).encode(message.head());
        outstanding.add(exchange);
        writer().write(message, RequestHeader.BYTES);
        if (!acknowledged && (!stream.hasNext() || !hasRoom())) {
            probe(exchange);
        }
        return true;
    }

    private void flushed(Exchange exchange) {
        exchange.flushed();
        progress.moved();
    }

    private void read(Exchange exchange) {
        bytesAwaited += exchange.size();
        ask(exchange);
    }

    /** Reads back the last byte of a WRITE, which comes after the WRITE was applied. */
    private void probe(Exchange written) {
        long last = written.address() + written.size() - 1;
        ask(new Exchange(written.stream(), Exchange.Kind.PROBE, last, 0, 0, 0, 1));
    }

    private void ask(Exchange exchange) {
        OutMessage message = writer().take();
        new RequestHeader(exchange.size(), exchange.address(), Operation.READ, acknowledged).encode(message.head());
        exchange.flushed();
        outstanding.add(exchange);
        writer().write(message, RequestHeader.BYTES);
    }

    // Receiving.

    @Override
    public void expect() {
        if (acknowledged && !outstanding.isEmpty()) {
            receiver.head(StatusFrame.BYTES);
            return;
        }
        for (Exchange exchange : outstanding) {
            if (exchange.asksForPayload()) {
                payload(exchange);
                return;
            }
        }
        receiver.head(1); // nothing may come; one byte is enough to know
    }

    @Override
    public void head(ByteBuffer head) {
        Exchange first = outstanding.peek();
        if (first == null || !acknowledged) {
            drop("sent bytes that nobody asked for");
            return;
        }
        long frame = head.getLong(0);
        if (!StatusFrame.isStatus(frame)) {
            drop("answered 0x" + Long.toHexString(frame) + ", which is no status frame");
        } else if (StatusFrame.code(frame) != StatusFrame.OK) {
            rejected(first, StatusFrame.code(frame));
        } else if (first.asksForPayload()) {
            payload(first);
        } else if (!first.isFlushed()) {
            drop("acknowledged a WRITE before its last byte was sent");
        } else {
            outstanding.remove();
            first.answered();
        }
    }

    private void rejected(Exchange exchange, int code) {
        outstanding.remove();
        if (exchange.asksForPayload()) {
            bytesAwaited -= exchange.size();
        }
        WireTransfer transfer = exchange.transfer();
        transfer.tally()
                .fail(
                        exchange.stream().remote().rejection(),
                        "the target rejected " + exchange + " with status " + code
                                + ": there is no live lease for it, or not any more");
    }

    private void payload(Exchange exchange) {
        WireTransfer transfer = exchange.transfer();
        if (exchange.kind() == Exchange.Kind.PROBE || !transfer.tally().gate().enter()) {
            receiver.drain(exchange.size());
            return;
        }
        BlockCursor cursor = transfer.newCursor();
        cursor.moveTo(exchange.firstBlock(), exchange.inBlock());
        receiver.land(cursor, transfer.tally().gate(), exchange.size());
    }

    @Override
    public void landed() {
        Exchange read = firstWithPayload();
        bytesAwaited -= read.size();
        read.answered();
    }

    @Override
    public void drained() {
        Exchange read = firstWithPayload();
        if (read.kind() == Exchange.Kind.READ) {
            bytesAwaited -= read.size();
        }
    }

    /** Takes the request whose payload has come; the WRITEs of the first generation before it are answered with it. */
    private Exchange firstWithPayload() {
        Exchange first = outstanding.remove();
        while (!first.asksForPayload()) {
            first.answered();
            first = outstanding.remove();
        }
        return first;
    }

    private void stuck() {
        close(
                TransferErrorCode.PEER_LOST,
                "no progress with requests outstanding for kvferry.mooncake.progress-timeout="
                        + scope.config().progressTimeout() + " on " + this);
    }

    /** The peer broke the protocol, or may have: nothing after it makes sense. */
    private void drop(String what) {
        scope.refused().incrementAndGet();
        close(TransferErrorCode.PROTOCOL_ERROR, "the target " + this + " " + what);
    }

    // Life of the connection.

    @Override
    public void handlerAdded(ChannelHandlerContext context) {
        writer = new MessageWriter(context);
        connectTimer = loop.schedule(Deadline.after(scope.config().connectTimeout(), scope.ticker()), () -> {
            if (!opened.isDone()) {
                close(
                        TransferErrorCode.CONNECTION_FAILED,
                        this + " did not connect within kvferry.mooncake.connect-timeout="
                                + scope.config().connectTimeout());
            }
        });
    }

    @Override
    public void channelActive(ChannelHandlerContext context) {
        stopTimer();
        opened.complete(this);
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        receiver.received((ByteBuf) message);
        progress.moved();
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext context) {
        pump();
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext context) {
        if (channel.isWritable()) {
            pump();
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        closeReason.compareAndSet(
                null, new Refusal(TransferErrorCode.CONNECTION_FAILED, "the target closed connection " + this));
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        boolean expected = cause instanceof IOException;
        if (!expected) {
            LOG.warn("{}: closing after a bug", this, cause);
        }
        close(
                expected ? TransferErrorCode.PEER_LOST : TransferErrorCode.INTERNAL,
                "connection " + this + " broke: " + cause);
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext context) {
        stopTimer();
        receiver.close();
        if (!opened.isDone()) {
            closeReason.compareAndSet(null, new Refusal(TransferErrorCode.CONNECTION_FAILED, "no connection " + this));
        }
        Refusal reason = closeReason();
        opened.completeExceptionally(new TransferException(reason.code(), Stage.PREPARE, reason.detail()));
        Set<WireTransfer> lost = new LinkedHashSet<>();
        outstanding.forEach(exchange -> lost.add(exchange.transfer()));
        turns.forEach(stream -> lost.add(stream.transfer()));
        outstanding.clear();
        turns.clear();
        lost.forEach(this::fail);
        closed.complete(null);
    }

    private void fail(WireTransfer transfer) {
        Refusal reason = closeReason();
        transfer.tally().fail(reason.code(), reason.detail());
    }

    private void stopTimer() {
        if (connectTimer != null) {
            connectTimer.cancel();
        }
    }

    @Override
    public String toString() {
        return "to " + channel.remoteAddress();
    }
}
