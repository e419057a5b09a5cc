package io.kvferry.backend.tcp;

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
import java.net.UnknownHostException;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** Listens, and makes a lane of every connection that comes while there is room. Thread-safe. */
@SuppressWarnings("FutureReturnValueIgnored") // what fails here closes the channel, and that is heard
final class Acceptor {
    private final TcpTransport transport;
    private final LaneScope scope;
    private final EventLoopGroup loops;
    private final LaneSet lanes;
    private volatile @Nullable Channel listener;

    Acceptor(TcpTransport transport, LaneScope scope, EventLoopGroup loops, LaneSet lanes) {
        this.transport = transport;
        this.scope = scope;
        this.loops = loops;
        this.lanes = lanes;
    }

    /** Starts to listen, and returns where. Called once. */
    TcpEndpoint listen(Deadline deadline) {
        TcpBackendConfig config = scope.config();
        ServerBootstrap bootstrap = new ServerBootstrap()
                .group(loops)
                .channelFactory(transport.listeners())
                .handler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        transport.configure(channel, config);
                    }
                })
                .childOption(ChannelOption.WRITE_BUFFER_WATER_MARK, Dialer.sendQueue(config))
                .childHandler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        admit(channel);
                    }
                });
        CompletableFuture<Channel> bound = new CompletableFuture<>();
        ChannelFuture binding = bootstrap.bind(transport.address(bindAddress(), config.port()));
        listener = binding.channel();
        binding.addListener(done -> {
            if (done.isSuccess()) {
                bound.complete(binding.channel());
            } else {
                bound.completeExceptionally(cannotListen(done.cause()));
            }
        });
        Channel open = TimedWait.await(bound, deadline, scope.scheduler(), Stage.OPEN, "binding the listener");
        return new TcpEndpoint(config.advertisedHost(), transport.port(open), scope.instance());
    }

    private InetAddress bindAddress() {
        try {
            return InetAddress.getByName(scope.config().bindHost());
        } catch (UnknownHostException unknown) {
            throw cannotListen(unknown);
        }
    }

    private TransferException cannotListen(@Nullable Throwable cause) {
        return new TransferException(
                TransferErrorCode.CONNECTION_FAILED,
                Stage.OPEN,
                "cannot listen on " + scope.config().bindHost() + ":"
                        + scope.config().port()
                        + "; change kvferry.tcp.bind-host, kvferry.tcp.port or kvferry.tcp.congestion-control: "
                        + cause,
                cause);
    }

    private void admit(Channel channel) {
        if (!lanes.hasRoom()) {
            scope.refused().incrementAndGet();
            channel.close();
            return;
        }
        transport.configure(channel, scope.config());
        Lane lane = Lane.accept(scope, channel);
        lane.install();
        lanes.add(lane);
    }

    /** Stops to listen; completes when no event loop will see a new connection any more. */
    CompletableFuture<Void> close() {
        CompletableFuture<Void> closed = new CompletableFuture<>();
        Channel open = listener;
        if (open == null) {
            closed.complete(null);
        } else {
            open.close();
            open.closeFuture().addListener(done -> closed.complete(null));
        }
        return closed.thenCompose(nothing -> EventLoops.pass(loops));
    }
}
