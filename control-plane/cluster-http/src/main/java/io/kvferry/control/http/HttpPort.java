package io.kvferry.control.http;

import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.Stage;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.HttpDecoderConfig;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.flow.FlowControlHandler;
import io.netty.handler.timeout.WriteTimeoutHandler;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.netty.util.concurrent.GlobalEventExecutor;
import java.net.InetSocketAddress;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/**
 * A small HTTP/1.1 server. Every length is limited before memory is taken for it, every wait has an end, and one client can
 * neither delay nor end another.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class HttpPort implements AutoCloseable {
    private static final int MAX_HEADER_BYTES = 16 << 10;

    private final EventLoopGroup loop;
    private final ExecutorService handlers;
    private final ChannelGroup connections;
    private final Channel listener;
    private final String host;

    private HttpPort(
            EventLoopGroup loop, ExecutorService handlers, ChannelGroup connections, Channel listener, String host) {
        this.loop = loop;
        this.handlers = handlers;
        this.connections = connections;
        this.listener = listener;
        this.host = host;
    }

    static HttpPort open(PeerAddress address, HttpLimits limits, Router router, HttpCounters counters, Ticker ticker) {
        EventLoopGroup loop = new MultiThreadIoEventLoopGroup(
                1, new DefaultThreadFactory("kvferry-http", true), NioIoHandler.newFactory());
        ExecutorService handlers = Executors.newThreadPerTaskExecutor(
                Thread.ofVirtual().name("kvferry-http-", 0).factory());
        ChannelGroup connections = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE, true);
        ChannelFuture bound = new ServerBootstrap()
                .group(loop)
                .channelFactory(NioServerSocketChannel::new)
                .option(ChannelOption.SO_REUSEADDR, true)
                .childOption(ChannelOption.TCP_NODELAY, true)
                .childHandler(new ChannelInitializer<SocketChannel>() {
                    @Override
                    protected void initChannel(SocketChannel channel) {
                        if (counters.connections().incrementAndGet() > limits.maxConnections()) {
                            counters.connections().decrementAndGet();
                            var ignored = channel.close();
                            return;
                        }
                        channel.closeFuture()
                                .addListener(_ -> counters.connections().decrementAndGet());
                        connections.add(channel);
                        channel.pipeline()
                                .addLast(new WriteTimeoutHandler(
                                        limits.requestTimeout().toMillis(), TimeUnit.MILLISECONDS))
                                .addLast(
                                        new HttpServerCodec(new HttpDecoderConfig().setMaxHeaderSize(MAX_HEADER_BYTES)))
                                .addLast(new HttpObjectAggregator(limits.maxBodyBytes(), true))
                                // keeps requests that came together for when the first has been answered
                                .addLast(new FlowControlHandler())
                                .addLast(new HttpConnection(limits, router, counters, handlers, ticker));
                    }
                })
                .bind(address.host(), address.port())
                .awaitUninterruptibly();
        HttpPort port = new HttpPort(loop, handlers, connections, bound.channel(), address.host());
        if (!bound.isSuccess()) {
            port.close();
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.OPEN,
                    "cannot listen on " + HttpConfigKeys.LISTEN.name() + "=" + address + ": "
                            + bound.cause().getMessage(),
                    bound.cause());
        }
        return port;
    }

    /** Where it listens. */
    PeerAddress address() {
        return new PeerAddress(host, ((InetSocketAddress) listener.localAddress()).getPort());
    }

    /** Closes all connections at once. */
    @Override
    public void close() {
        listener.close().awaitUninterruptibly();
        connections.close().awaitUninterruptibly();
        handlers.shutdownNow();
        loop.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly();
    }
}
