package io.kvferry.backend.mooncake;

import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFactory;
import io.netty.channel.ChannelOption;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.ServerChannel;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.concurrent.CompletableFuture;

/** How sockets are driven: by epoll where Netty's native library loads, else by NIO. */
enum Sockets {
    EPOLL,
    NIO;

    static Sockets best() {
        return Epoll.isAvailable() ? EPOLL : NIO;
    }

    IoHandlerFactory ioHandlers() {
        return this == EPOLL ? EpollIoHandler.newFactory() : NioIoHandler.newFactory();
    }

    ChannelFactory<? extends Channel> connections() {
        return this == EPOLL ? EpollSocketChannel::new : NioSocketChannel::new;
    }

    ChannelFactory<? extends ServerChannel> listeners() {
        return this == EPOLL ? EpollServerSocketChannel::new : NioServerSocketChannel::new;
    }

    static void configure(Channel connection, int sendQueueBytes) {
        connection.config().setOption(ChannelOption.TCP_NODELAY, true);
        connection.config().setOption(ChannelOption.SO_KEEPALIVE, true);
        connection.config().setWriteBufferWaterMark(new WriteBufferWaterMark(sendQueueBytes / 2, sendQueueBytes));
    }

    /** Finds the address of a host, without keeping a thread of ours waiting for a name service. */
    static CompletableFuture<InetAddress> resolve(String host) {
        try {
            return CompletableFuture.completedFuture(InetAddress.ofLiteral(host));
        } catch (IllegalArgumentException name) {
            CompletableFuture<InetAddress> result = new CompletableFuture<>();
            Thread.ofVirtual().start(() -> {
                try {
                    result.complete(InetAddress.getByName(host));
                } catch (UnknownHostException unknown) {
                    result.completeExceptionally(new TransferException(
                            TransferErrorCode.CONNECTION_FAILED,
                            Stage.PREPARE,
                            "no address for " + host + "; the peer has to advertise a name that resolves, or an address",
                            unknown));
                }
            });
            return result;
        }
    }
}
