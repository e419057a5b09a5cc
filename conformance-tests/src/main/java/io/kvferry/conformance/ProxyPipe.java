package io.kvferry.conformance;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Ticker;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.DuplexChannel;
import java.time.Duration;

/**
 * One direction of one connection through a {@link FaultProxy}. Confined to the connection's event loop.
 *
 * <p>It reads the next piece when the one before has gone, so a receiver that does not read is felt by the sender.
 */
final class ProxyPipe extends ChannelInboundHandlerAdapter {
    private static final int TRICKLES_PER_SECOND = 100;

    private final Channel source;
    private final Channel sink;
    private final String point;
    private final FaultPlan faults;
    private final Scheduler scheduler;
    private final Ticker ticker;
    private long bytesPerTrickle = Long.MAX_VALUE;
    private boolean lost;
    private boolean busy;
    private boolean sourceEnded;

    private ProxyPipe(
            Channel source, Channel sink, String point, FaultPlan faults, Scheduler scheduler, Ticker ticker) {
        this.source = source;
        this.sink = sink;
        this.point = point;
        this.faults = faults;
        this.scheduler = scheduler;
        this.ticker = ticker;
    }

    static void join(Channel source, Channel sink, String point, FaultPlan faults, Scheduler scheduler, Ticker ticker) {
        source.pipeline().addLast(new ProxyPipe(source, sink, point, faults, scheduler, ticker));
        source.read();
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        pass((ByteBuf) message);
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext context) {
        if (!busy && !sourceEnded) {
            source.read();
        }
    }

    private void pass(ByteBuf bytes) {
        busy = true;
        if (lost || !sink.isActive()) {
            bytes.release();
            goOn();
            return;
        }
        if (bytesPerTrickle < bytes.readableBytes()) {
            var ignored = sink.writeAndFlush(bytes.readRetainedSlice((int) bytesPerTrickle));
            later(source, scheduler, ticker, Duration.ofSeconds(1).dividedBy(TRICKLES_PER_SECOND), () -> pass(bytes));
            return;
        }
        FaultRules.Hit hit = faults.next(point, bytes.readableBytes());
        if (hit.action() instanceof FaultPlan.Pass) {
            sink.writeAndFlush(bytes).addListener(written -> goOn());
            return;
        }
        if (hit.untouched() > 0) {
            var ignored = sink.writeAndFlush(bytes.readRetainedSlice(hit.untouched()));
        }
        apply(hit.action(), bytes);
    }

    /** Something happens at the first of these bytes. */
    private void apply(FaultPlan.Action action, ByteBuf bytes) {
        switch (action) {
            case FaultPlan.Drop drop -> {
                lost = true;
                pass(bytes);
            }
            case FaultPlan.Delay delay -> later(source, scheduler, ticker, delay.duration(), () -> passOne(bytes));
            case FaultPlan.Freeze freeze ->
                freeze.gate().whenOpen(() -> source.eventLoop().execute(() -> passOne(bytes)));
            case FaultPlan.Corrupt corrupt -> {
                bytes.setByte(bytes.readerIndex(), ~bytes.getByte(bytes.readerIndex()));
                passOne(bytes);
            }
            case FaultPlan.Throttle throttle -> {
                bytesPerTrickle = Math.max(1, throttle.bytesPerSecond() / TRICKLES_PER_SECOND);
                passOne(bytes);
            }
            case FaultPlan.Partial cut -> {
                bytes.release();
                lost = true;
                closeInOrder(source);
                closeInOrder(sink);
            }
            case FaultPlan.HalfClose halfClose -> {
                lost = true;
                shutdownSink();
                pass(bytes);
            }
            case FaultPlan.Die die -> resetBoth(bytes);
            case FaultPlan.Refuse refuse -> resetBoth(bytes);
            default -> passOne(bytes);
        }
    }

    /** The first byte has had its share. */
    private void passOne(ByteBuf bytes) {
        if (sink.isActive()) {
            var ignored = sink.writeAndFlush(bytes.readRetainedSlice(1));
        }
        if (bytes.isReadable()) {
            pass(bytes);
        } else {
            bytes.release();
            goOn();
        }
    }

    private void resetBoth(ByteBuf bytes) {
        bytes.release();
        lost = true;
        reset(source);
        reset(sink);
    }

    private void goOn() {
        busy = false;
        if (sourceEnded) {
            passEnd();
        } else {
            source.read();
        }
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
        if (event instanceof ChannelInputShutdownEvent) {
            sourceEnded = true;
            if (!busy) {
                passEnd();
            }
        }
    }

    /** The end of the stream comes behind its bytes: where those are lost, so is the end. */
    private void passEnd() {
        if (!lost) {
            shutdownSink();
        }
    }

    private void shutdownSink() {
        if (sink instanceof DuplexChannel duplex && sink.isActive()) {
            var ignored = duplex.shutdownOutput();
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        if (!lost) {
            closeInOrder(sink);
        }
    }

    private static void closeInOrder(Channel channel) {
        var ignored = channel.close();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        reset(source);
        reset(sink);
    }

    /** Closes with a reset instead of an orderly end. */
    static void reset(Channel channel) {
        if (channel.isOpen()) {
            channel.config().setOption(ChannelOption.SO_LINGER, 0);
            var ignored = channel.close();
        }
    }

    /** Does something on a channel's event loop when its time has come. */
    static void later(Channel channel, Scheduler scheduler, Ticker ticker, Duration duration, Runnable step) {
        scheduler.schedule(
                Deadline.after(duration, ticker), () -> channel.eventLoop().execute(step));
    }
}
