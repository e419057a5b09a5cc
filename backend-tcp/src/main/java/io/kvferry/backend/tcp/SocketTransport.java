package io.kvferry.backend.tcp;

import io.netty.channel.Channel;
import io.netty.channel.ChannelFactory;
import io.netty.channel.ChannelOption;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.ServerChannel;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.channel.unix.RawUnixChannelOption;
import io.netty.channel.uring.IoUring;
import io.netty.channel.uring.IoUringChannelOption;
import io.netty.channel.uring.IoUringIoHandler;
import io.netty.channel.uring.IoUringServerSocketChannel;
import io.netty.channel.uring.IoUringSocketChannel;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** Sockets, in each of Netty's ways. */
enum SocketTransport implements TcpTransport {
    EPOLL,
    NIO,
    IO_URING;

    private static final int IPPROTO_TCP = 6;
    private static final int TCP_CONGESTION = 13;

    static SocketTransport of(TcpTransportKind kind) {
        return switch (kind) {
            case AUTO -> Epoll.isAvailable() ? EPOLL : NIO;
            case EPOLL -> EPOLL;
            case NIO -> NIO;
            case IO_URING -> IO_URING;
        };
    }

    /** Why it cannot run here, or null. */
    @Nullable
    Throwable unavailabilityCause() {
        return switch (this) {
            case EPOLL -> Epoll.unavailabilityCause();
            case NIO -> null;
            case IO_URING -> IoUring.unavailabilityCause();
        };
    }

    @Override
    public IoHandlerFactory ioHandlers() {
        return switch (this) {
            case EPOLL -> EpollIoHandler.newFactory();
            case NIO -> NioIoHandler.newFactory();
            case IO_URING -> IoUringIoHandler.newFactory();
        };
    }

    @Override
    public ChannelFactory<? extends Channel> connections() {
        return switch (this) {
            case EPOLL -> EpollSocketChannel::new;
            case NIO -> NioSocketChannel::new;
            case IO_URING -> IoUringSocketChannel::new;
        };
    }

    @Override
    public ChannelFactory<? extends ServerChannel> listeners() {
        return switch (this) {
            case EPOLL -> EpollServerSocketChannel::new;
            case NIO -> NioServerSocketChannel::new;
            case IO_URING -> IoUringServerSocketChannel::new;
        };
    }

    @Override
    public SocketAddress address(InetAddress host, int port) {
        return new InetSocketAddress(host, port);
    }

    @Override
    public int port(Channel listener) {
        return ((InetSocketAddress) listener.localAddress()).getPort();
    }

    @Override
    public void configure(Channel channel, TcpBackendConfig config) {
        boolean listener = channel instanceof ServerChannel;
        if (listener) {
            channel.config().setOption(ChannelOption.SO_REUSEADDR, true);
        } else {
            channel.config().setOption(ChannelOption.TCP_NODELAY, true);
            channel.config().setOption(ChannelOption.SO_KEEPALIVE, true);
            if (config.sendBufferBytes() > 0) {
                channel.config().setOption(ChannelOption.SO_SNDBUF, config.sendBufferBytes());
            }
            setUserTimeout(channel, Math.toIntExact(config.userTimeout().toMillis()));
        }
        if (config.receiveBufferBytes() > 0) {
            channel.config().setOption(ChannelOption.SO_RCVBUF, config.receiveBufferBytes());
        }
        if (!config.congestionControl().isEmpty()) {
            byte[] name = config.congestionControl().getBytes(StandardCharsets.US_ASCII);
            channel.config()
                    .setOption(
                            new RawUnixChannelOption("TCP_CONGESTION", IPPROTO_TCP, TCP_CONGESTION, name.length),
                            ByteBuffer.allocateDirect(name.length).put(name).flip());
        }
    }

    private void setUserTimeout(Channel channel, int millis) {
        if (millis > 0 && this == EPOLL) {
            channel.config().setOption(EpollChannelOption.TCP_USER_TIMEOUT, millis);
        } else if (millis > 0 && this == IO_URING) {
            channel.config().setOption(IoUringChannelOption.TCP_USER_TIMEOUT, millis);
        }
    }
}
