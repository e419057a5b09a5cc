package io.kvferry.backend.mooncake;

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
import java.util.ArrayDeque;
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
final class ClientLane extends ChannelInboundHandlerAdapter {
    private static final Logger LOG = LoggerFactory.getLogger(ClientLane.class);

    private final WireScope scope;
    private final Channel channel;
    private final LoopTasks loop;
    /** Whether requests are answered by status frames. */
    private final boolean acknowledged;

    private final Answers answers;
    private final ProgressWatch progress;
    private final ArrayDeque<BlockStream> turns = new ArrayDeque<>();
    private final CompletableFuture<ClientLane> opened = new CompletableFuture<>();
    private final CompletableFuture<Void> closed = new CompletableFuture<>();
    private final AtomicReference<@Nullable Refusal> closeReason = new AtomicReference<>();
    private @Nullable MessageWriter writer;
    private Scheduler.@Nullable Scheduled connectTimer;
    private boolean pumping;

    ClientLane(WireScope scope, Channel channel, boolean acknowledged) {
        this.scope = scope;
        this.channel = channel;
        this.loop = new LoopTasks(channel, scope.scheduler());
        this.acknowledged = acknowledged;
        this.answers = new Answers(scope, acknowledged, this::drop);
        this.progress = new ProgressWatch(scope, loop, () -> !answers.isEmpty(), this::stuck);
    }

    /** Puts the lane on its channel. */
    void install() {
        channel.config().setRecvByteBufAllocator(answers.receiver());
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
            answers.receiver().turnAway(transfer.tally().gate());
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
        return answers.size() < scope.config().pipeline()
                && answers.bytesAwaited() < scope.config().readAheadBytes();
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
            ask(stream.nextRead(scope.config().sliceBytes()));
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
        answers.await(exchange);
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

    /** Reads back the last byte of a WRITE, which comes after the WRITE was applied. */
    private void probe(Exchange written) {
        long last = written.address() + written.size() - 1;
        ask(new Exchange(written.stream(), Exchange.Kind.PROBE, last, 0, 0, 0, 1));
    }

    private void ask(Exchange exchange) {
        OutMessage message = writer().take();
        new RequestHeader(exchange.size(), exchange.address(), Operation.READ, acknowledged).encode(message.head());
        exchange.flushed();
        answers.await(exchange);
        writer().write(message, RequestHeader.BYTES);
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
        answers.receiver().received((ByteBuf) message);
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
        Set<WireTransfer> lost = answers.abandon();
        if (!opened.isDone()) {
            closeReason.compareAndSet(null, new Refusal(TransferErrorCode.CONNECTION_FAILED, "no connection " + this));
        }
        Refusal reason = closeReason();
        opened.completeExceptionally(new TransferException(reason.code(), Stage.PREPARE, reason.detail()));
        turns.forEach(stream -> lost.add(stream.transfer()));
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
