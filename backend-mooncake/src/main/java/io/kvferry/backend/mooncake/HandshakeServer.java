package io.kvferry.backend.mooncake;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.ForeignMessages;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.TransferException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.DuplexChannel;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers peers that ask who we are: one request a connection, any number of connections side by side, so that a silent one
 * holds up nobody. Thread-safe.
 */
@SuppressWarnings("FutureReturnValueIgnored") // what fails here closes the channel, and that is heard
final class HandshakeServer {
    private static final Logger LOG = LoggerFactory.getLogger(HandshakeServer.class);

    private final WireScope scope;
    private final Supplier<byte[]> segment;
    private final ForeignMessages messages;
    private final Set<Channel> connections = ConcurrentHashMap.newKeySet();

    /**
     * @param segment our segment, encoded, as it is now
     * @param messages takes notifications
     */
    HandshakeServer(WireScope scope, Supplier<byte[]> segment, ForeignMessages messages) {
        this.scope = scope;
        this.segment = segment;
        this.messages = messages;
    }

    void admit(Channel channel) {
        if (connections.size() >= scope.config().maxConnections()) {
            scope.refused().incrementAndGet();
            channel.close();
            return;
        }
        connections.add(channel);
        channel.closeFuture().addListener(closed -> connections.remove(channel));
        channel.pipeline().addLast(new Conversation(channel));
    }

    /** Closes all connections; completes when they are gone. */
    CompletableFuture<Void> close() {
        return CompletableFuture.allOf(connections.stream()
                .map(channel -> {
                    CompletableFuture<Void> closed = new CompletableFuture<>();
                    channel.close();
                    channel.closeFuture().addListener(done -> closed.complete(null));
                    return closed;
                })
                .toArray(CompletableFuture[]::new));
    }

    /** The reply, once there is one; what cannot be answered is a {@link TransferException}. */
    private CompletionStage<HandshakeFrame> reply(HandshakeFrame request, SocketAddress from) {
        return switch (request.type()) {
            case HandshakeFrame.METADATA ->
                CompletableFuture.completedFuture(HandshakeFrame.of(request.type(), segment.get()));
            case HandshakeFrame.PROBE -> answer(request, new TreeMap<>(Map.of("status", "success")));
            case HandshakeFrame.NOTIFY -> notified(request, from);
            default ->
                answer(
                        request,
                        new TreeMap<>(Map.of(
                                "local_nic_path",
                                "",
                                "peer_nic_path",
                                "",
                                "reply_msg",
                                "this segment moves bytes over tcp, and has no queue pair to connect")));
        };
    }

    private CompletionStage<HandshakeFrame> notified(HandshakeFrame request, SocketAddress from) {
        Map<String, String> told = Messages.strings(request.json(), "handshake");
        if (!told.containsKey("name") || !told.containsKey("notify_msg")) {
            throw Messages.malformed("notification", "lacks name or notify_msg");
        }
        String who =
                from instanceof InetSocketAddress known ? known.getAddress().getHostAddress() : "unknown";
        // an empty notify_msg is how its sender hears that nobody has taken it
        return messages.deliver(who, request.json())
                .thenCompose(taken ->
                        answer(request, new TreeMap<>(Map.of("name", "", "notify_msg", taken ? "success" : ""))));
    }

    private static CompletionStage<HandshakeFrame> answer(HandshakeFrame request, Map<String, Object> fields) {
        Messages.strings(request.json(), "handshake"); // what is no JSON is not answered
        return CompletableFuture.completedFuture(
                new HandshakeFrame(request.type(), request.typed(), Messages.encode(fields)));
    }

    /** One request, one reply. Confined to its event loop. */
    private final class Conversation extends ChannelInboundHandlerAdapter {
        private final LoopTasks loop;
        private final HandshakeFrame.Collector collector =
                new HandshakeFrame.Collector(scope.config().handshakeMaxLength());
        private Scheduler.@Nullable Scheduled timer;
        private boolean answered;

        Conversation(Channel channel) {
            loop = new LoopTasks(channel, scope.scheduler());
        }

        @Override
        public void handlerAdded(ChannelHandlerContext context) {
            Deadline end = Deadline.after(scope.config().handshakeTimeout(), scope.ticker());
            timer = loop.schedule(end, context.channel()::close);
        }

        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
            ByteBuf bytes = (ByteBuf) message;
            try {
                HandshakeFrame request = answered ? null : collector.add(bytes);
                if (request != null) {
                    answered = true;
                    var ignored = reply(request, context.channel().remoteAddress())
                            .thenAccept(reply -> answer(context, reply));
                }
            } catch (IllegalArgumentException | TransferException refused) {
                scope.refused().incrementAndGet();
                LOG.debug("refused a handshake from {}: {}", context.channel().remoteAddress(), refused.getMessage());
                context.close();
            } finally {
                bytes.release();
            }
        }

        private void answer(ChannelHandlerContext context, HandshakeFrame reply) {
            context.writeAndFlush(Unpooled.wrappedBuffer(reply.encode())).addListener(written -> {
                if (context.channel() instanceof DuplexChannel duplex) {
                    duplex.shutdownOutput(); // the peer closes when it has read; the timer closes when it does not
                }
            });
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
            LOG.debug("handshake from {} broke: {}", context.channel().remoteAddress(), cause.toString());
            context.close();
        }

        @Override
        public void handlerRemoved(ChannelHandlerContext context) {
            if (timer != null) {
                timer.cancel();
            }
        }
    }
}
