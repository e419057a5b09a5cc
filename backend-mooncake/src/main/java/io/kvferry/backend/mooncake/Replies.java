package io.kvferry.backend.mooncake;

import io.kvferry.spi.MemoryGate;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import java.util.ArrayDeque;

/**
 * What a target owes on one connection, in the order of requests: written while the channel's queue is short, and no more
 * requests are read while too much waits. Confined to the connection's event loop.
 */
@SuppressWarnings("FutureReturnValueIgnored") // what fails here closes the channel, and that is heard
final class Replies {
    /** Replies that may wait before no more requests are read. */
    private static final int MAX_WAITING = 256;

    private final WireScope scope;
    private final Channel channel;
    private final MessageWriter writer;
    private final Runnable moved;
    private final ArrayDeque<Reply> waiting = new ArrayDeque<>();
    private int unflushed;
    private boolean pumping;

    /** @param moved runs whenever a message has left */
    Replies(WireScope scope, ChannelHandlerContext context, Runnable moved) {
        this.scope = scope;
        this.channel = context.channel();
        this.writer = new MessageWriter(context);
        this.moved = moved;
    }

    void add(Reply reply) {
        waiting.add(reply);
    }

    boolean isEmpty() {
        return waiting.isEmpty();
    }

    /** Whether something waits, or is in the channel's queue. */
    boolean isBusy() {
        return !waiting.isEmpty() || unflushed > 0;
    }

    void clear() {
        waiting.clear();
    }

    void pump() {
        if (pumping) {
            return;
        }
        pumping = true;
        try {
            while (writer.isWritable()) {
                Reply reply = waiting.peek();
                if (reply == null || !write(reply)) {
                    break;
                }
                if (reply.isDone()) {
                    waiting.remove();
                }
            }
        } finally {
            pumping = false;
        }
        writer.flush();
        boolean hasRoom = waiting.size() < MAX_WAITING;
        if (channel.config().isAutoRead() != hasRoom) {
            channel.config().setAutoRead(hasRoom);
        }
    }

    /** Writes a status, some payload, or both; false if the connection has to close. */
    private boolean write(Reply reply) {
        Window from = reply.window();
        BlockTally tally = from == null ? null : from.transfer().tally();
        MemoryGate gate = tally == null ? null : tally.gate();
        if (gate != null && !gate.enter()) {
            if (!reply.hasStatus()) {
                channel.close(); // the payload has begun, or there is no other way to say no
                return false;
            }
            waiting.remove();
            waiting.addFirst(Reply.status(StatusFrame.ADDRESS_REJECTED));
            return true;
        }
        OutMessage message = writer.take();
        int headBytes = reply.hasStatus() ? StatusFrame.BYTES : 0;
        message.head().putLong(0, StatusFrame.of(reply.status()));
        reply.next(message, scope.config().sliceBytes());
        if (tally != null) {
            tally.begin();
            unflushed++;
            message.whenFlushed(gate, this::flushed);
        }
        writer.write(message, headBytes);
        return true;
    }

    private void flushed() {
        unflushed--;
        moved.run();
    }
}
