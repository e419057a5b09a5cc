package io.kvferry.backend.tcp;

import io.netty.channel.Channel;
import io.netty.channel.ChannelFactory;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.ServerChannel;
import java.net.InetAddress;
import java.net.SocketAddress;

/** What drives connections: sockets in one of Netty's ways, or something in memory for tests. Thread-safe. */
interface TcpTransport {
    String name();

    IoHandlerFactory ioHandlers();

    ChannelFactory<? extends Channel> connections();

    ChannelFactory<? extends ServerChannel> listeners();

    SocketAddress address(InetAddress host, int port);

    /** The port that a bound listener got. */
    int port(Channel listener);

    /** Sets socket options of a connection or a listener before it connects or binds. */
    void configure(Channel channel, TcpBackendConfig config);
}
