package io.kvferry.netty;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.ChannelConfig;
import io.netty.channel.RecvByteBufAllocator;
import io.netty.util.UncheckedBooleanSupplier;
import java.util.function.Supplier;

/**
 * Tells Netty's read loop where to read to, and when to look after other connections.
 *
 * <p><b>Threads:</b> Confined to one event loop.
 *
 * @since 0.1.0
 */
public final class ReadLoop implements RecvByteBufAllocator.ExtendedHandle {
    private final Supplier<ByteBuf> next;
    private final int usualBytes;
    private final int readsPerWakeup;
    private int lastBytes;
    private int attemptedBytes;
    private int reads;

    /**
     * Makes a loop.
     *
     * @param next where the next read goes
     * @param usualBytes how much that is, about
     * @param readsPerWakeup how many reads make a turn
     */
    public ReadLoop(Supplier<ByteBuf> next, int usualBytes, int readsPerWakeup) {
        this.next = next;
        this.usualBytes = usualBytes;
        this.readsPerWakeup = readsPerWakeup;
    }

    @Override
    public ByteBuf allocate(ByteBufAllocator allocator) {
        return next.get();
    }

    @Override
    public int guess() {
        return usualBytes;
    }

    @Override
    public void reset(ChannelConfig config) {
        reads = 0;
    }

    @Override
    public void incMessagesRead(int count) {
        reads += count;
    }

    @Override
    public void lastBytesRead(int bytes) {
        lastBytes = bytes;
    }

    @Override
    public int lastBytesRead() {
        return lastBytes;
    }

    @Override
    public void attemptedBytesRead(int bytes) {
        attemptedBytes = bytes;
    }

    @Override
    public int attemptedBytesRead() {
        return attemptedBytes;
    }

    @Override
    public boolean continueReading() {
        return continueReading(() -> attemptedBytes == lastBytes);
    }

    @Override
    public boolean continueReading(UncheckedBooleanSupplier maybeMore) {
        return lastBytes > 0 && reads < readsPerWakeup && maybeMore.get();
    }

    @Override
    public void readComplete() {}
}
