package io.kvferry.control.grpc;

import io.kvferry.control.grpc.PortCounters.Kind;
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
 * Bounds the connections to a port, and counts those that never made a call. Sits on the listening socket, where Netty hands
 * accepted connections over.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
@Sharable
public final class AcceptedConnections extends ChannelInboundHandlerAdapter {
    private final int maxConnections;
    private final PortCounters counters;
    /** By remote address: whether it has made a call. */
    private final Map<SocketAddress, AtomicBoolean> open = new ConcurrentHashMap<>();

    /**
     * Makes a bound.
     *
     * @param maxConnections how many may be open at a time
     * @param counters where refused and useless ones are counted
     */
    public AcceptedConnections(int maxConnections, PortCounters counters) {
        this.maxConnections = maxConnections;
        this.counters = counters;
    }

    PortCounters counters() {
        return counters;
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
            counters.count(Kind.REFUSED_CONNECTIONS);
            connection.unsafe().closeForcibly();
            return;
        }
        AtomicBoolean useful = new AtomicBoolean();
        open.put(remote, useful);
        connection.closeFuture().addListener(_ -> {
            open.remove(remote, useful);
            if (!useful.get()) {
                counters.count(Kind.USELESS_CONNECTIONS);
            }
        });
        context.fireChannelRead(connection);
    }
}
