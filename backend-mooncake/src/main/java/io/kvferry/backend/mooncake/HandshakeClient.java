package io.kvferry.backend.mooncake;

import io.kvferry.netty.Hosts;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** Asks peers who they are: one connection a request, closed as soon as the reply is here. Thread-safe. */
@SuppressWarnings("FutureReturnValueIgnored") // what fails here completes the reply
final class HandshakeClient {
    private static final String REMEDY = "the peer has to advertise a name that resolves, or an address";

    private final WireScope scope;
    private final Sockets sockets;
    private final EventLoopGroup loops;

    HandshakeClient(WireScope scope, Sockets sockets, EventLoopGroup loops) {
        this.scope = scope;
        this.sockets = sockets;
        this.loops = loops;
    }

    /** Sends a request; completes with the JSON of the reply, or with a {@link TransferException}. */
    CompletableFuture<byte[]> ask(HostPort peer, int type, byte[] json) {
        CompletableFuture<byte[]> reply = new CompletableFuture<>();
        Hosts.resolve(peer.host(), REMEDY).whenComplete((address, unknown) -> {
            if (unknown != null) {
                reply.completeExceptionally(unknown);
            } else {
                connect(peer, address, HandshakeFrame.of(type, json), reply);
            }
        });
        return reply;
    }

    private void connect(HostPort peer, InetAddress address, HandshakeFrame request, CompletableFuture<byte[]> reply) {
        new Bootstrap()
                .group(loops)
                .channelFactory(sockets.connections())
                .disableResolver()
                .option(
                        ChannelOption.CONNECT_TIMEOUT_MILLIS,
                        0) // the conversation's own timer runs on the engine's clock
                .handler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        channel.pipeline().addLast(new Conversation(channel, peer, request, reply));
                    }
                })
                .connect(new InetSocketAddress(address, peer.port()))
                .addListener(connected -> {
                    if (connected.cause() != null) {
                        reply.completeExceptionally(failure(peer, "no connection: " + connected.cause()));
                    }
                });
    }

    private static TransferException failure(HostPort peer, String what) {
        return new TransferException(
                TransferErrorCode.CONNECTION_FAILED, Stage.PREPARE, "handshake with " + peer + ": " + what);
    }

    /** One request, one reply. Confined to its event loop. */
    private final class Conversation extends ChannelInboundHandlerAdapter {
        private final LoopTasks loop;
        private final HostPort peer;
        private final HandshakeFrame request;
        private final CompletableFuture<byte[]> reply;
        private final HandshakeFrame.Collector collector =
                new HandshakeFrame.Collector(scope.config().handshakeMaxLength());
        private Scheduler.@Nullable Scheduled timer;

        Conversation(Channel channel, HostPort peer, HandshakeFrame request, CompletableFuture<byte[]> reply) {
            this.loop = new LoopTasks(channel, scope.scheduler());
            this.peer = peer;
            this.request = request;
            this.reply = reply;
        }

        @Override
        public void handlerAdded(ChannelHandlerContext context) {
            Deadline end = Deadline.after(scope.config().handshakeTimeout(), scope.ticker());
            timer = loop.schedule(
                    end,
                    () -> end(
                            context,
                            "no reply within kvferry.mooncake.handshake-timeout="
                                    + scope.config().handshakeTimeout()));
        }

        @Override
        public void channelActive(ChannelHandlerContext context) {
            context.writeAndFlush(Unpooled.wrappedBuffer(request.encode()));
        }

        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
            ByteBuf bytes = (ByteBuf) message;
            try {
                HandshakeFrame answer = reply.isDone() ? null : collector.add(bytes);
                if (answer != null && answer.typed() && answer.type() == request.type()) {
                    reply.complete(answer.json());
                    context.close();
                } else if (answer != null) {
                    end(context, "the reply is of another type than the request");
                }
            } catch (IllegalArgumentException refused) {
                end(context, String.valueOf(refused.getMessage()));
            } finally {
                bytes.release();
            }
        }

        private void end(ChannelHandlerContext context, String why) {
            reply.completeExceptionally(failure(peer, why));
            context.close();
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
            end(context, cause.toString());
        }

        @Override
        public void handlerRemoved(ChannelHandlerContext context) {
            reply.completeExceptionally(failure(peer, "closed without a reply"));
            if (timer != null) {
                timer.cancel();
            }
        }
    }
}
