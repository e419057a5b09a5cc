package io.kvferry.control.peer;

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
 * Bounds the connections from peers, and counts those that never made a call.
 *
 * <p>Sits on the listening socket, where Netty hands accepted connections over.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
@Sharable
final class AcceptedConnections extends ChannelInboundHandlerAdapter {
    private final int maxConnections;
    private final PeerCounters counters;
    /** By remote address: whether it has made a call. */
    private final Map<SocketAddress, AtomicBoolean> open = new ConcurrentHashMap<>();

    AcceptedConnections(int maxConnections, PeerCounters counters) {
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
            counters.refusedConnections.increment();
            connection.unsafe().closeForcibly();
            return;
        }
        AtomicBoolean useful = new AtomicBoolean();
        open.put(remote, useful);
        connection.closeFuture().addListener(closed -> {
            open.remove(remote, useful);
            if (!useful.get()) {
                counters.uselessConnections.increment();
            }
        });
        context.fireChannelRead(connection);
    }
}
