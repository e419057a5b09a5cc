package io.kvferry.control.grpc;

import io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.NettyServerBuilder;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import io.netty.channel.Channel;
import io.netty.channel.ChannelOption;
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
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * The threads that carry calls both ways, and servers and channels on them: over epoll where it is available.
 *
 * <p><b>Threads:</b> Thread-safe; only {@link #close} blocks.
 *
 * @since 0.1.0
 */
public final class EventLoops {
    private final Queue<Thread> started = new ConcurrentLinkedQueue<>();
    private final EventLoopGroup group;
    private final Class<? extends Channel> channel;
    private final Supplier<ServerChannel> serverChannel;

    private EventLoops(String name, int threads) {
        ThreadFactory factory = new DefaultThreadFactory(name, true) {
            @Override
            public Thread newThread(Runnable task) {
                Thread thread = super.newThread(task);
                started.add(thread);
                return thread;
            }
        };
        boolean epoll = Epoll.isAvailable();
        IoHandlerFactory io = epoll ? EpollIoHandler.newFactory() : NioIoHandler.newFactory();
        group = new MultiThreadIoEventLoopGroup(threads, factory, io);
        channel = epoll ? EpollSocketChannel.class : NioSocketChannel.class;
        serverChannel = epoll ? EpollServerSocketChannel::new : NioServerSocketChannel::new;
    }

    /**
     * Starts event loops.
     *
     * @param name what their threads are called
     * @param threads how many; 0 for twice the processors
     * @return the event loops, to be closed
     */
    public static EventLoops open(String name, int threads) {
        return new EventLoops(name, threads);
    }

    /**
     * Begins a server whose calls run on these threads.
     *
     * @param address where it listens
     * @param connections the bound on its connections
     * @return its builder; what it serves and its limits are still to be said
     */
    public NettyServerBuilder server(InetSocketAddress address, AcceptedConnections connections) {
        return NettyServerBuilder.forAddress(address)
                .bossEventLoopGroup(group)
                .workerEventLoopGroup(group)
                .channelFactory(() -> {
                    ServerChannel listening = serverChannel.get();
                    listening.pipeline().addLast(connections);
                    return listening;
                })
                .directExecutor()
                .addStreamTracerFactory(new OversizedMessages(connections.counters()))
                // clients may probe as often as their own configuration says
                .permitKeepAliveTime(1, TimeUnit.SECONDS)
                .permitKeepAliveWithoutCalls(true);
    }

    /**
     * Begins a channel whose calls run on these threads. Who repeats calls is who makes them.
     *
     * @param address where it leads
     * @param resolver runs what looks names up, which may block
     * @param connectTimeout how long to wait for a connection
     * @return its builder; its limits, and whether it is in the clear, are still to be said
     * @throws IllegalArgumentException if the host is none
     */
    public NettyChannelBuilder channel(PeerAddress address, Executor resolver, Duration connectTimeout) {
        return NettyChannelBuilder.forAddress(address.host(), address.port())
                .eventLoopGroup(group)
                .channelType(channel)
                .directExecutor()
                .offloadExecutor(resolver)
                // a proxy of the process is for the outside world, not for the control plane
                .proxyDetector(_ -> null)
                .disableServiceConfigLookUp()
                .disableRetry()
                .maxTraceEvents(0)
                .withOption(ChannelOption.CONNECT_TIMEOUT_MILLIS, Math.toIntExact(connectTimeout.toMillis()));
    }

    /**
     * Stops the threads and waits until they are gone.
     *
     * @param deadline until when to wait
     * @return true if they are
     */
    public boolean close(Deadline deadline) {
        long nanos = Math.max(0, deadline.remainingNanos());
        boolean stopped = group.shutdownGracefully(0, nanos, TimeUnit.NANOSECONDS)
                .awaitUninterruptibly(nanos, TimeUnit.NANOSECONDS);
        try {
            for (Thread thread : started) {
                stopped &= thread.join(Duration.ofNanos(Math.max(0, deadline.remainingNanos())));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
        return stopped;
    }
}
