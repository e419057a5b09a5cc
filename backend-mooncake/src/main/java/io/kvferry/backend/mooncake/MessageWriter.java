package io.kvferry.backend.mooncake;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import java.util.ArrayDeque;

/** Writes messages to a channel and uses them again. Confined to the channel's event loop. */
@SuppressWarnings("FutureReturnValueIgnored") // what fails here closes the channel, and that is heard
final class MessageWriter {
    private final ChannelHandlerContext context;
    private final ChannelPromise ignored;
    private final ArrayDeque<OutMessage> spare = new ArrayDeque<>();

    MessageWriter(ChannelHandlerContext context) {
        this.context = context;
        this.ignored = context.voidPromise();
    }

    boolean isWritable() {
        return context.channel().isWritable();
    }

    OutMessage take() {
        OutMessage used = spare.poll();
        return used != null ? used : new OutMessage(this);
    }

    /** Writes without flushing; a message has a head or a span. */
    void write(OutMessage message, int headBytes) {
        int spans = message.spans();
        message.setReferences(spans + (headBytes > 0 ? 1 : 0));
        if (headBytes > 0) {
            context.write(message.headWindow(headBytes), ignored);
        }
        for (int i = 0; i < spans; i++) {
            context.write(message.span(i), ignored);
        }
    }

    void flush() {
        context.flush();
    }

    void recycle(OutMessage message) {
        spare.addFirst(message);
    }
}
