package io.kvferry.backend.mooncake;

import io.kvferry.netty.BlockCursor;
import io.kvferry.netty.ByteReceiver;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.MemoryGate;
import io.kvferry.spi.Operation;
import io.kvferry.spi.TransferErrorCode;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.DuplexChannel;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The target's end of one data connection: requests of any peer that speaks the wire, answered in order. Not one byte lands
 * before its range and its lease have been checked. Confined to its event loop, but for what says otherwise.
 */
@SuppressWarnings("FutureReturnValueIgnored") // what fails here closes the channel, and that is heard
final class ServerLane extends ChannelInboundHandlerAdapter implements ByteReceiver.Listener {
    private static final Logger LOG = LoggerFactory.getLogger(ServerLane.class);
    /** A body longer than this is not read just to be thrown away: the connection is closed instead. */
    private static final long MAX_DRAINED_BYTES = 64L << 20;

    private final WireScope scope;
    private final Channel channel;
    private final LoopTasks loop;
    private final AddressSpace space;
    private final ByteReceiver receiver;
    private final ProgressWatch progress;
    private final CompletableFuture<Void> closed = new CompletableFuture<>();
    private @Nullable Replies replies;

    /** The request whose body is on its way. */
    private @Nullable RequestHeader request;
    /** Where that body lands; null where it is thrown away. */
    private @Nullable Window window;
    /** Whether the body that is thrown away has been refused to its sender already. */
    private boolean refused;

    private boolean closing;

    ServerLane(WireScope scope, Channel channel, AddressSpace space) {
        this.scope = scope;
        this.channel = channel;
        this.loop = new LoopTasks(channel, scope.scheduler());
        this.space = space;
        this.receiver = new ByteReceiver(
                this,
                RequestHeader.BYTES,
                ByteOrder.LITTLE_ENDIAN,
                scope.config().readsPerWakeup());
        this.progress = new ProgressWatch(scope, loop, this::isBusy, this::stuck);
    }

    void install() {
        channel.config().setRecvByteBufAllocator(receiver);
        channel.pipeline().addLast(this);
    }

    // What any thread may call.

    /** Completes when the connection is gone and nothing of it touches memory. */
    CompletableFuture<Void> closed() {
        return closed;
    }

    void close() {
        channel.close();
    }

    /** A lease has been sealed: what still comes for it is drained. */
    void stop(MemoryGate gate) {
        loop.execute(() -> receiver.turnAway(gate));
    }

    /** Closes the connection if it is inside the memory of a transfer; completes when it is not, or gone. */
    CompletableFuture<Void> closeIfInside(WireTransfer transfer) {
        CompletableFuture<Void> outside = new CompletableFuture<>();
        closed.whenComplete((gone, never) -> outside.complete(null));
        loop.execute(() -> {
            if (replies().isBusy() || receiver.isLanding(transfer.tally().gate())) {
                channel.close();
            } else {
                outside.complete(null);
            }
        });
        return outside;
    }

    /** Ends the connection in good order: says that nothing more comes, and waits for the peer to close. */
    void leave(Deadline deadline) {
        loop.execute(() -> {
            closing = true;
            if (request != null || !replies().isEmpty() || loop.schedule(deadline, channel::close) == null) {
                channel.close();
            } else if (channel instanceof DuplexChannel duplex) {
                duplex.shutdownOutput();
            } else {
                channel.close();
            }
        });
    }

    // Requests.

    @Override
    public void expect() {
        receiver.head(RequestHeader.BYTES);
    }

    @Override
    public void head(ByteBuffer head) {
        RequestHeader next = RequestHeader.decode(head);
        Window found = closing ? null : space.find(next);
        if (found == null) {
            refuse(next);
        } else if (next.operation() == Operation.READ) {
            replies().add(Reply.payload(next, found));
        } else {
            land(next, found);
        }
    }

    private void land(RequestHeader next, Window found) {
        long offset = next.address() - found.base();
        BlockTally tally = found.transfer().tally();
        if (!tally.gate().enter()) {
            refuse(next);
            return;
        }
        if (!found.claim(offset, next.size())) {
            tally.gate().leave();
            tally.fail(TransferErrorCode.PROTOCOL_ERROR, "bytes of " + next + " were written a second time");
            refuse(next);
            return;
        }
        tally.begin();
        request = next;
        window = found;
        BlockCursor cursor = found.transfer().newCursor();
        int block = found.blockAt(offset);
        cursor.moveTo(block, offset - found.offsetOf(block));
        receiver.land(cursor, tally.gate(), next.size());
    }

    /** Says no, before the body where there is one, and keeps the connection where that is possible. */
    private void refuse(RequestHeader next) {
        scope.refused().incrementAndGet();
        LOG.debug("{}: refused {}", this, next);
        if (!next.acknowledged()) {
            channel.close();
            return;
        }
        replies().add(Reply.status(StatusFrame.ADDRESS_REJECTED));
        if (next.operation() == Operation.READ || next.size() == 0) {
            return;
        }
        if (next.size() < 0 || next.size() > MAX_DRAINED_BYTES) {
            replies().pump();
            channel.close();
            return;
        }
        request = next;
        refused = true;
        receiver.drain(next.size());
        replies().pump(); // the sender may stop when it hears
    }

    @Override
    public void landed() {
        RequestHeader done = request;
        Window into = window;
        request = null;
        window = null;
        if (done == null || into == null) {
            throw new IllegalStateException("nothing was landing");
        }
        into.landed(done.address() - into.base(), done.size());
        if (done.acknowledged()) {
            replies().add(Reply.status(StatusFrame.OK));
        }
    }

    @Override
    public void drained() {
        RequestHeader done = request;
        boolean told = refused;
        request = null;
        window = null;
        refused = false;
        if (done != null && !told) { // sealed while it was landing
            if (done.acknowledged()) {
                replies().add(Reply.status(StatusFrame.ADDRESS_REJECTED));
            } else {
                channel.close();
            }
        }
    }

    private Replies replies() {
        Replies open = replies;
        if (open == null) {
            throw new IllegalStateException("the lane is not on its channel");
        }
        return open;
    }

    private boolean isBusy() {
        return request != null || (replies != null && replies.isBusy());
    }

    private void stuck() {
        scope.refused().incrementAndGet();
        LOG.debug("{}: closing, no progress", this);
        failLanding("made no progress for kvferry.mooncake.progress-timeout="
                + scope.config().progressTimeout());
        channel.close();
    }

    private void failLanding(String what) {
        Window into = window;
        if (into != null && receiver.isLanding(into.transfer().tally().gate())) {
            into.transfer().tally().fail(TransferErrorCode.PEER_LOST, "connection " + this + " " + what);
        }
    }

    // Life of the connection.

    @Override
    public void handlerAdded(ChannelHandlerContext context) {
        replies = new Replies(scope, context, progress::moved);
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        receiver.received((ByteBuf) message);
        progress.moved();
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext context) {
        replies().pump();
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext context) {
        if (channel.isWritable()) {
            replies().pump();
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        if (!(cause instanceof IOException)) {
            LOG.warn("{}: closing after a bug", this, cause);
        }
        channel.close();
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext context) {
        failLanding("was lost in the middle of a write");
        receiver.close();
        replies().clear();
        closed.complete(null);
    }

    @Override
    public String toString() {
        return "from " + channel.remoteAddress();
    }
}
