package io.kvferry.control.peer;

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
import java.time.Duration;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;

/** The threads that carry calls both ways, and the kind of socket that fits them: epoll where it is available. */
record EventLoops(
        EventLoopGroup group,
        Class<? extends Channel> channel,
        Class<? extends ServerChannel> serverChannel,
        Queue<Thread> started) {

    static EventLoops open(int threads) {
        Queue<Thread> started = new ConcurrentLinkedQueue<>();
        ThreadFactory factory = new DefaultThreadFactory("kvferry-peer-io", true) {
            @Override
            public Thread newThread(Runnable task) {
                Thread thread = super.newThread(task);
                started.add(thread);
                return thread;
            }
        };
        return Epoll.isAvailable()
                ? new EventLoops(
                        new MultiThreadIoEventLoopGroup(threads, factory, EpollIoHandler.newFactory()),
                        EpollSocketChannel.class,
                        EpollServerSocketChannel.class,
                        started)
                : new EventLoops(
                        new MultiThreadIoEventLoopGroup(threads, factory, NioIoHandler.newFactory()),
                        NioSocketChannel.class,
                        NioServerSocketChannel.class,
                        started);
    }

    ServerChannel newServerChannel() {
        return serverChannel == EpollServerSocketChannel.class
                ? new EpollServerSocketChannel()
                : new NioServerSocketChannel();
    }

    /** Stops the threads and waits until they are gone. */
    void close(Deadline deadline) {
        long nanos = Math.max(0, deadline.remainingNanos());
        group.shutdownGracefully(0, nanos, TimeUnit.NANOSECONDS).awaitUninterruptibly(nanos, TimeUnit.NANOSECONDS);
        try {
            for (Thread thread : started) {
                thread.join(Duration.ofNanos(Math.max(0, deadline.remainingNanos())));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
