package io.kvferry.node;

import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.Stage;
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
import io.netty.util.concurrent.DefaultThreadFactory;
import io.netty.util.concurrent.GlobalEventExecutor;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * A port with a few pages to read. What a client can take is fixed: a place among {@link #MAX_CONNECTIONS}, {@link
 * #MAX_HEADER_BYTES} of header and {@link #MAX_BODY_BYTES} of a body that nobody reads, one request to a connection, and {@link #LIFE} for all of it.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class HttpPages implements AutoCloseable {
    static final int MAX_CONNECTIONS = 64;
    static final int MAX_HEADER_BYTES = 8 << 10;
    static final int MAX_BODY_BYTES = 1 << 10;
    static final Duration LIFE = Duration.ofSeconds(10);

    private final EventLoopGroup loop;
    private final ExecutorService writers;
    private final ChannelGroup connections;
    private final Channel listener;
    private final String host;

    /**
     * A page.
     *
     * @param contentType its type
     * @param body makes its text, on a thread of its own
     */
    record Page(String contentType, Supplier<String> body) {}

    private HttpPages(
            EventLoopGroup loop, ExecutorService writers, ChannelGroup connections, Channel listener, String host) {
        this.loop = loop;
        this.writers = writers;
        this.connections = connections;
        this.listener = listener;
        this.host = host;
    }

    /** Starts to answer; pages are by their path. */
    static HttpPages open(PeerAddress address, Map<String, Page> pages) {
        return open(address, pages, LIFE);
    }

    static HttpPages open(PeerAddress address, Map<String, Page> pages, Duration life) {
        EventLoopGroup loop = new MultiThreadIoEventLoopGroup(
                1, new DefaultThreadFactory("kvferry-node-http", true), NioIoHandler.newFactory());
        ExecutorService writers = Executors.newThreadPerTaskExecutor(
                Thread.ofVirtual().name("kvferry-node-http-", 0).factory());
        ChannelGroup connections = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE, true);
        ChannelFuture bound = new ServerBootstrap()
                .group(loop)
                .channelFactory(NioServerSocketChannel::new)
                .option(ChannelOption.SO_REUSEADDR, true)
                .childHandler(new ChannelInitializer<SocketChannel>() {
                    @Override
                    protected void initChannel(SocketChannel channel) {
                        // one thread opens all, so nobody comes between the question and the entry
                        if (connections.size() >= MAX_CONNECTIONS) {
                            var ignored = channel.close();
                            return;
                        }
                        connections.add(channel);
                        channel.pipeline()
                                .addLast(
                                        new HttpServerCodec(new HttpDecoderConfig().setMaxHeaderSize(MAX_HEADER_BYTES)))
                                .addLast(new HttpObjectAggregator(MAX_BODY_BYTES, true))
                                .addLast(new HttpPageConnection(pages, writers, life));
                    }
                })
                .bind(address.host(), address.port())
                .awaitUninterruptibly();
        HttpPages http = new HttpPages(loop, writers, connections, bound.channel(), address.host());
        if (!bound.isSuccess()) {
            http.close();
            throw new TransferException(
                    TransferErrorCode.CONNECTION_FAILED,
                    Stage.OPEN,
                    "cannot listen on " + address + " for HTTP: "
                            + bound.cause().getMessage(),
                    bound.cause());
        }
        return http;
    }

    PeerAddress address() {
        return new PeerAddress(host, ((InetSocketAddress) listener.localAddress()).getPort());
    }

    @Override
    public void close() {
        listener.close().awaitUninterruptibly();
        connections.close().awaitUninterruptibly();
        writers.shutdownNow();
        loop.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly();
    }
}
