package io.kvferry.control.peer;

import io.kvferry.spi.Deadline;
import io.netty.channel.Channel;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.util.concurrent.TimeUnit;

/** The threads that carry calls both ways, and the kind of socket that fits them: epoll where it is available. */
record EventLoops(EventLoopGroup group, Class<? extends Channel> channel, Class<? extends ServerChannel> serverChannel) {

    static EventLoops open(int threads) {
        return Epoll.isAvailable()
                ? new EventLoops(
                        group(threads, EpollIoHandler.newFactory()),
                        EpollSocketChannel.class,
                        EpollServerSocketChannel.class)
                : new EventLoops(
                        group(threads, NioIoHandler.newFactory()), NioSocketChannel.class, NioServerSocketChannel.class);
    }

    private static EventLoopGroup group(int threads, IoHandlerFactory handlers) {
        return new MultiThreadIoEventLoopGroup(threads, new DefaultThreadFactory("kvferry-peer-io", true), handlers);
    }

    ServerChannel newServerChannel() {
        return serverChannel == EpollServerSocketChannel.class
                ? new EpollServerSocketChannel()
                : new NioServerSocketChannel();
    }

    void close(Deadline deadline) {
        long nanos = Math.max(0, deadline.remainingNanos());
        group.shutdownGracefully(0, nanos, TimeUnit.NANOSECONDS).awaitUninterruptibly(nanos, TimeUnit.NANOSECONDS);
    }
}
