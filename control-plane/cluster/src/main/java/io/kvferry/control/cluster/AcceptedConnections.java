package io.kvferry.control.cluster;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler.Sharable;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.net.SocketAddress;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Bounds the connections, and counts those that never made a call. Sits on the listening socket, where Netty hands accepted
 * connections over.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
@Sharable
final class AcceptedConnections extends ChannelInboundHandlerAdapter {
    private final int maxConnections;
    private final Counter.Counters counters;
    /** By remote address: whether it has made a call. */
    private final Map<SocketAddress, AtomicBoolean> open = new ConcurrentHashMap<>();

    AcceptedConnections(int maxConnections, Counter.Counters counters) {
        this.maxConnections = maxConnections;
        this.counters = counters;
    }

    /** A call arrived on a connection. */
    void called(@Nullable SocketAddress remote) {
        AtomicBoolean useful = remote == null ? null : open.get(remote);
        if (useful != null) {
            useful.setPlain(true);
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object accepted) {
        Channel connection = (Channel) accepted;
        SocketAddress remote = connection.remoteAddress();
        if (remote == null || open.size() >= maxConnections) {
            counters.increment(Counter.REFUSED_CONNECTIONS);
            connection.unsafe().closeForcibly();
            return;
        }
        AtomicBoolean useful = new AtomicBoolean();
        open.put(remote, useful);
        connection.closeFuture().addListener(_ -> {
            open.remove(remote, useful);
            if (!useful.get()) {
                counters.increment(Counter.USELESS_CONNECTIONS);
            }
        });
        context.fireChannelRead(connection);
    }
}
