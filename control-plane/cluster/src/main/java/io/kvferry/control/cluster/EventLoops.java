package io.kvferry.control.cluster;

import io.kvferry.spi.Deadline;
import io.netty.channel.Channel;
import io.netty.channel.EventLoopGroup;
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
import java.util.function.Supplier;

/** The threads that carry calls, and the kind of socket that fits them: epoll where it is available. */
record EventLoops(EventLoopGroup group, Class<? extends Channel> channel, Supplier<ServerChannel> serverChannel) {
    static EventLoops open(String name, int threads) {
        DefaultThreadFactory factory = new DefaultThreadFactory(name, true);
        return Epoll.isAvailable()
                ? new EventLoops(
                        new MultiThreadIoEventLoopGroup(threads, factory, EpollIoHandler.newFactory()),
                        EpollSocketChannel.class,
                        EpollServerSocketChannel::new)
                : new EventLoops(
                        new MultiThreadIoEventLoopGroup(threads, factory, NioIoHandler.newFactory()),
                        NioSocketChannel.class,
                        NioServerSocketChannel::new);
    }

    /** Stops the threads. Returns whether they are gone. */
    boolean close(Deadline deadline) {
        long nanos = Math.max(0, deadline.remainingNanos());
        return group.shutdownGracefully(0, nanos, TimeUnit.NANOSECONDS)
                .awaitUninterruptibly(nanos, TimeUnit.NANOSECONDS);
    }
}
