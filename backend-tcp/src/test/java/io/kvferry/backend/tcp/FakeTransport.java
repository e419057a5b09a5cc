package io.kvferry.backend.tcp;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFactory;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.ChannelPromise;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.ServerChannel;
import io.netty.channel.local.LocalAddress;
import io.netty.channel.local.LocalChannel;
import io.netty.channel.local.LocalIoHandler;
import io.netty.channel.local.LocalServerChannel;
import java.net.InetAddress;
import java.net.SocketAddress;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Connections in memory that treat bytes as badly as a network can: in pieces of any size, damaged, cut off or held back.
 * Faults count the bytes that one side sends on one connection, in order.
 */
final class FakeTransport implements TcpTransport {
    private static final AtomicInteger PORTS = new AtomicInteger(1);

    private final Random random;
    private final int port = PORTS.getAndIncrement();
    private final List<Wire> wires = new CopyOnWriteArrayList<>();
    private volatile long damageAt = -1;
    private volatile long cutAt = -1;
    private volatile boolean held;

    FakeTransport(long seed) {
        random = new Random(seed);
    }

    /** Inverts the byte with this number. */
    FakeTransport damage(long at) {
        damageAt = at;
        return this;
    }

    /** Closes the connection instead of sending the byte with this number. */
    FakeTransport cut(long at) {
        cutAt = at;
        return this;
    }

    /** Keeps what is sent, as a network that stands still. */
    void hold() {
        held = true;
    }

    /** Sends what was kept, and from then on everything. */
    void release() {
        held = false;
        wires.forEach(Wire::release);
    }

    @Override
    public String name() {
        return "FAKE";
    }

    @Override
    public IoHandlerFactory ioHandlers() {
        return LocalIoHandler.newFactory();
    }

    @Override
    public ChannelFactory<? extends Channel> connections() {
        return LocalChannel::new;
    }

    @Override
    public ChannelFactory<? extends ServerChannel> listeners() {
        return LocalServerChannel::new;
    }

    @Override
    public SocketAddress address(InetAddress host, int dialed) {
        return new LocalAddress("fake:" + (dialed == 0 ? port : dialed));
    }

    @Override
    public int port(Channel listener) {
        return port;
    }

    @Override
    public void configure(Channel channel, TcpBackendConfig config) {
        if (!(channel instanceof ServerChannel)) {
            Wire wire = new Wire(channel);
            wires.add(wire);
            channel.closeFuture().addListener(closed -> wires.remove(wire));
            channel.pipeline().addLast(wire);
        }
    }

    /** What one side sends on one connection. */
    private final class Wire extends ChannelOutboundHandlerAdapter {
        private final Channel channel;
        private final ArrayDeque<ByteBuf> kept = new ArrayDeque<>();
        private long sent;

        private Wire(Channel channel) {
            this.channel = channel;
        }

        @Override
        public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
            ByteBuf original = (ByteBuf) message;
            if (held) {
                kept.add(original); // not released: its memory is still on its way
                setWritable(false);
                return;
            }
            pass(context, original);
        }

        private void setWritable(boolean writable) {
            channel.unsafe().outboundBuffer().setUserDefinedWritability(1, writable);
        }

        private void release() {
            channel.eventLoop().execute(() -> {
                ChannelHandlerContext context = channel.pipeline().context(this);
                if (context != null) {
                    for (ByteBuf next = kept.poll(); next != null; next = kept.poll()) {
                        pass(context, next);
                    }
                    context.flush();
                    setWritable(true);
                }
            });
        }

        private void pass(ChannelHandlerContext context, ByteBuf original) {
            byte[] bytes = new byte[original.readableBytes()];
            original.nioBuffer(original.readerIndex(), bytes.length).get(bytes);
            original.release();
            for (int at = 0; at < bytes.length && channel.isActive(); ) {
                int length = Math.min(bytes.length - at, pieceBytes());
                if (cutAt >= sent && cutAt < sent + length) {
                    context.write(Unpooled.wrappedBuffer(bytes, at, (int) (cutAt - sent)));
                    context.flush();
                    context.close();
                    return;
                }
                if (damageAt >= sent && damageAt < sent + length) {
                    bytes[at + (int) (damageAt - sent)] ^= (byte) 0xFF;
                }
                context.write(Unpooled.wrappedBuffer(bytes, at, length));
                sent += length;
                at += length;
            }
        }

        /** Mostly small pieces, so that headers and spans are torn. */
        private int pieceBytes() {
            synchronized (random) {
                return random.nextInt(4) == 0 ? 1 + random.nextInt(20) : 1 + random.nextInt(20_000);
            }
        }

        @Override
        public void close(ChannelHandlerContext context, ChannelPromise promise) throws Exception {
            for (ByteBuf next = kept.poll(); next != null; next = kept.poll()) {
                next.release();
            }
            super.close(context, promise);
        }
    }
}
