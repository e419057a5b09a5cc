package io.kvferry.backend.mooncake;

import io.kvferry.netty.EventLoops;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TimedWait;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/** One listening port. Thread-safe. */
@SuppressWarnings("FutureReturnValueIgnored") // what fails here closes the channel, and that is heard
final class Listener {
    private final EventLoopGroup loops;
    private final Channel channel;

    private Listener(EventLoopGroup loops, Channel channel) {
        this.loops = loops;
        this.channel = channel;
    }

    /**
     * Starts to listen.
     *
     * @param portKey the key that names the port, for the refusal
     * @param admit gets every connection that comes, on its event loop
     */
    static Listener open(
            WireScope scope,
            Sockets sockets,
            EventLoopGroup loops,
            int port,
            String portKey,
            Consumer<Channel> admit,
            Deadline deadline) {
        ServerBootstrap bootstrap = new ServerBootstrap()
                .group(loops)
                .channelFactory(sockets.listeners())
                .option(ChannelOption.SO_REUSEADDR, true)
                .childHandler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel connection) {
                        Sockets.configure(connection, scope.config().sendQueueBytes());
                        admit.accept(connection);
                    }
                });
        String where = scope.config().bindHost() + ":" + port;
        CompletableFuture<Channel> bound = new CompletableFuture<>();
        ChannelFuture binding = bootstrap.bind(new InetSocketAddress(bindAddress(scope, portKey), port));
        binding.addListener(done -> {
            if (done.isSuccess()) {
                bound.complete(binding.channel());
            } else {
                bound.completeExceptionally(cannotListen(where, portKey, done.cause()));
            }
        });
        try {
            Channel open = TimedWait.await(bound, deadline, scope.scheduler(), Stage.OPEN, "binding " + where);
            return new Listener(loops, open);
        } catch (TransferException late) {
            binding.channel().close();
            throw late;
        }
    }

    private static InetAddress bindAddress(WireScope scope, String portKey) {
        try {
            return InetAddress.getByName(scope.config().bindHost());
        } catch (UnknownHostException unknown) {
            throw cannotListen(scope.config().bindHost(), portKey, unknown);
        }
    }

    private static TransferException cannotListen(String where, String portKey, Throwable cause) {
        return new TransferException(
                TransferErrorCode.CONNECTION_FAILED,
                Stage.OPEN,
                "cannot listen on " + where + "; change kvferry.mooncake.bind-host or " + portKey + ": " + cause,
                cause);
    }

    int port() {
        return ((InetSocketAddress) channel.localAddress()).getPort();
    }

    /** Stops to listen; completes when no event loop will see a new connection any more. */
    CompletableFuture<Void> close() {
        CompletableFuture<Void> closed = new CompletableFuture<>();
        channel.close();
        channel.closeFuture().addListener(done -> closed.complete(null));
        return closed.thenCompose(nothing -> EventLoops.pass(loops));
    }
}
