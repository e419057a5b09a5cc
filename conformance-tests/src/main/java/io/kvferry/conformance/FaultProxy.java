package io.kvferry.conformance;

import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Ticker;
import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.FixedRecvByteBufAllocator;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.RecvByteBufAllocator;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/**
 * Stands in front of a listening socket and treats connections to it as badly as a network can, as a {@link FaultPlan}
 * says.
 *
 * <p>Points: {@code socket.connect}, asked once for each connection, and {@code socket.forth} and {@code socket.back}, the
 * bytes to and from the listener over all connections, of which each is an occurrence: {@code plan.on("socket.forth", n,
 * Action.DIE)} resets the connection that carries the n-th byte, instead of that byte.
 *
 * <table>
 * <caption>What the actions mean</caption>
 * <tr><th>action</th><th>at a connection</th><th>at a byte</th></tr>
 * <tr><td>DROP</td><td>is accepted and never answered</td><td>it and all behind it is lost</td></tr>
 * <tr><td>delay</td><td>reaches the listener later</td><td>it and all behind it comes later</td></tr>
 * <tr><td>freeze</td><td>reaches it when the gate opens</td><td>comes when the gate opens</td></tr>
 * <tr><td>CORRUPT</td><td></td><td>comes inverted</td></tr>
 * <tr><td>throttle</td><td></td><td>what is behind it trickles</td></tr>
 * <tr><td>HALF</td><td></td><td>the connection ends in good order before it</td></tr>
 * <tr><td>HALF_CLOSE</td><td></td><td>this direction ends in good order before it, the other goes on</td></tr>
 * <tr><td>DIE, refuse</td><td>is reset</td><td>the connection is reset before it</td></tr>
 * </table>
 *
 * <p><b>Threads:</b> Thread-safe. Delays run on the clock it was made with. <b>Ownership:</b> whoever makes it closes it.
 *
 * @since 0.1.0
 */
public final class FaultProxy implements AutoCloseable {
    private static final int PIECE_BYTES = 64 * 1024;
    private static final long CLOSE_SECONDS = 5;

    private final InetSocketAddress server;
    private final FaultPlan faults;
    private final Scheduler scheduler;
    private final Ticker ticker;
    private final EventLoopGroup loop = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
    private final Set<Channel> channels = ConcurrentHashMap.newKeySet();
    private final Channel listener;

    private FaultProxy(InetSocketAddress server, FaultPlan faults, Scheduler scheduler, Ticker ticker) {
        this.server = server;
        this.faults = faults;
        this.scheduler = scheduler;
        this.ticker = ticker;
        this.listener = new ServerBootstrap()
                .group(loop)
                .channel(NioServerSocketChannel.class)
                .childOption(ChannelOption.AUTO_READ, false)
                .childOption(ChannelOption.RECVBUF_ALLOCATOR, onePiece())
                .childOption(ChannelOption.ALLOW_HALF_CLOSURE, true)
                .childOption(ChannelOption.TCP_NODELAY, true)
                .childHandler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel accepted) {
                        arrived(accepted);
                    }
                })
                .bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                .syncUninterruptibly()
                .channel();
    }

    /**
     * Starts a proxy on a port of its own, on the loopback interface.
     *
     * @param server what it stands in front of
     * @param faults what goes wrong
     * @param scheduler on which delayed bytes wait
     * @param ticker the clock of that scheduler
     * @return the proxy, listening
     */
    public static FaultProxy to(InetSocketAddress server, FaultPlan faults, Scheduler scheduler, Ticker ticker) {
        return new FaultProxy(server, faults, scheduler, ticker);
    }

    /**
     * Starts a proxy whose delays run on a test's clock.
     *
     * @param server what it stands in front of
     * @param faults what goes wrong
     * @param ticker the clock
     * @return the proxy, listening
     */
    public static FaultProxy to(InetSocketAddress server, FaultPlan faults, FakeTicker ticker) {
        return to(server, faults, ticker.scheduler(), ticker);
    }

    /**
     * Returns where it listens.
     *
     * @return what clients connect to in place of the server
     */
    public InetSocketAddress address() {
        return (InetSocketAddress) listener.localAddress();
    }

    /** A pipe asks for one piece at a time, and gets no more than that. */
    private static RecvByteBufAllocator onePiece() {
        return new FixedRecvByteBufAllocator(PIECE_BYTES).maxMessagesPerRead(1);
    }

    private void arrived(Channel accepted) {
        channels.add(accepted);
        accepted.closeFuture().addListener(closed -> channels.remove(accepted));
        switch (faults.next("socket.connect")) {
            case FaultPlan.Drop lost -> {
                // accepted, and never answered
            }
            case FaultPlan.Refuse refuse -> ProxyPipe.reset(accepted);
            case FaultPlan.Die die -> ProxyPipe.reset(accepted);
            case FaultPlan.Delay delay ->
                ProxyPipe.later(accepted, scheduler, ticker, delay.duration(), () -> connect(accepted));
            case FaultPlan.Freeze freeze ->
                freeze.gate().whenOpen(() -> accepted.eventLoop().execute(() -> connect(accepted)));
            default -> connect(accepted);
        }
    }

    private void connect(Channel accepted) {
        if (!accepted.isOpen()) {
            return;
        }
        Bootstrap outgoing = new Bootstrap()
                .group(accepted.eventLoop())
                .channel(NioSocketChannel.class)
                .option(ChannelOption.AUTO_READ, false)
                .option(ChannelOption.RECVBUF_ALLOCATOR, onePiece())
                .option(ChannelOption.ALLOW_HALF_CLOSURE, true)
                .option(ChannelOption.TCP_NODELAY, true)
                .handler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel connecting) {
                        channels.add(connecting);
                        connecting.closeFuture().addListener(closed -> channels.remove(connecting));
                    }
                });
        var dialed = outgoing.connect(server);
        dialed.addListener(done -> {
            if (!done.isSuccess() || !accepted.isOpen()) {
                ProxyPipe.reset(accepted);
                var ignored = dialed.channel().close();
                return;
            }
            ProxyPipe.join(accepted, dialed.channel(), "socket.forth", faults, scheduler, ticker);
            ProxyPipe.join(dialed.channel(), accepted, "socket.back", faults, scheduler, ticker);
        });
    }

    /** Ends every connection and the listener, and waits until its thread has ended. Idempotent. */
    @Override
    public void close() {
        listener.close().syncUninterruptibly();
        for (Channel open : channels) {
            var ignored = open.close();
        }
        loop.shutdownGracefully(0, CLOSE_SECONDS, TimeUnit.SECONDS)
                .awaitUninterruptibly(CLOSE_SECONDS, TimeUnit.SECONDS);
    }
}
