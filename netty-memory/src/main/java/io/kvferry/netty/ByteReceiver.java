package io.kvferry.backend.mooncake;

import io.kvferry.netty.BlockCursor;
import io.kvferry.netty.HostMemory;
import io.kvferry.netty.ReadLoop;
import io.kvferry.netty.WindowBuf;
import io.kvferry.spi.MemoryGate;
import io.netty.buffer.ByteBuf;
import io.netty.channel.RecvByteBufAllocator;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * Puts a connection's bytes where they belong: heads into a buffer of its own, payload straight into registered memory,
 * what nobody wants into nothing. It decides where the channel's next read goes, so that the socket itself fills
 * registered memory. Confined to the connection's event loop.
 */
final class ByteReceiver implements RecvByteBufAllocator, WindowBuf.Owner {
    /** Says what comes next, and hears when it is there. */
    interface Listener {
        /** Nothing is expected: calls {@link #head}, {@link #land} or {@link #drain}. May be asked again before a byte came. */
        void expect();

        void head(ByteBuffer head);

        /** The payload is in memory, and the gate has been left. */
        void landed();

        /** The payload has been thrown away, at least its last bytes. */
        void drained();
    }

    private enum State {
        IDLE,
        HEAD,
        LANDING,
        DRAINING,
        CLOSED
    }

    private static final int SCRATCH_AT = 64;
    private static final int SCRATCH_BYTES = 64 << 10;

    private final Listener listener;
    private final int readsPerWakeup;
    private final ByteBuffer slab =
            ByteBuffer.allocateDirect(SCRATCH_AT + SCRATCH_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    private final long slabAddress = MemorySegment.ofBuffer(slab).address();
    private final WindowBuf window = new WindowBuf(this);

    private State state = State.IDLE;
    /** Bytes of the head that are here. */
    private int got;
    /** Bytes of the head or the payload that are not here. */
    private long left;

    private @Nullable BlockCursor cursor;
    private @Nullable MemoryGate gate;
    private long spanAt;
    private int spanLeft;

    /** True while a channel may write into {@link #window}. */
    private boolean armed;
    /** The gate to leave when the channel lets go of the window. */
    private @Nullable MemoryGate leaveWhenReleased;

    ByteReceiver(Listener listener, int readsPerWakeup) {
        this.listener = listener;
        this.readsPerWakeup = readsPerWakeup;
    }

    /** Expects so many bytes of structure. */
    void head(int bytes) {
        state = State.HEAD;
        got = 0;
        left = bytes;
    }

    /** Expects payload. The gate has been entered; the cursor stands at the first byte. */
    void land(BlockCursor at, MemoryGate entered, long bytes) {
        state = State.LANDING;
        cursor = at;
        gate = entered;
        left = bytes;
        nextSpan(at);
    }

    /** Expects bytes that nobody wants; at least one. */
    void drain(long bytes) {
        state = State.DRAINING;
        left = bytes;
    }

    /** Tells whether payload is on its way into memory behind a gate. */
    boolean isLanding(MemoryGate behind) {
        return gate == behind;
    }

    boolean isLanding() {
        return gate != null;
    }

    @Override
    public ExtendedHandle newHandle() {
        return new ReadLoop(this::point, SCRATCH_BYTES, readsPerWakeup);
    }

    /** Bytes have arrived, in our own window or in a buffer of somebody else, which is released. */
    @SuppressWarnings("ReferenceEquality") // the very window, not one with the same bytes
    void received(ByteBuf bytes) {
        if (bytes == window) {
            int count = window.writerIndex();
            window.release();
            advance(count);
            return;
        }
        try {
            while (bytes.isReadable()) {
                point();
                int count = Math.min(bytes.readableBytes(), window.capacity());
                bytes.readBytes(window.internalNioBuffer(0, count));
                window.release();
                advance(count);
            }
        } finally {
            bytes.release();
        }
    }

    private WindowBuf point() {
        if (state == State.IDLE || (state == State.HEAD && got == 0)) {
            listener.expect();
        }
        armed = true;
        return switch (state) {
            case HEAD -> window.toFill(slab, got, (int) left, slabAddress + got);
            case LANDING -> pointAtSpan();
            case IDLE, DRAINING, CLOSED ->
                window.toFill(slab, SCRATCH_AT, (int) Math.min(left, SCRATCH_BYTES), slabAddress + SCRATCH_AT);
        };
    }

    private WindowBuf pointAtSpan() {
        HostMemory memory = cursor().memory();
        return window.toFill(memory.chunk(spanAt), HostMemory.inChunk(spanAt), spanLeft, memory.address() + spanAt);
    }

    private BlockCursor cursor() {
        BlockCursor landing = cursor;
        if (landing == null) {
            throw new IllegalStateException("nothing is landing");
        }
        return landing;
    }

    private void nextSpan(BlockCursor at) {
        at.nextSpan(Integer.MAX_VALUE, (int) Math.min(left, HostMemory.MAX_SPAN_BYTES));
        spanAt = at.start();
        spanLeft = at.length();
    }

    private void advance(int count) {
        if (count == 0 || state == State.CLOSED) {
            return;
        }
        left -= count;
        switch (state) {
            case HEAD -> {
                got += count;
                if (left == 0) {
                    state = State.IDLE;
                    listener.head(slab);
                }
            }
            case LANDING -> landed(count);
            case DRAINING -> {
                if (left == 0) {
                    state = State.IDLE;
                    listener.drained();
                }
            }
            case IDLE, CLOSED -> throw new IllegalStateException("bytes that nobody expected");
        }
    }

    private void landed(int count) {
        spanAt += count;
        spanLeft -= count;
        if (left == 0) {
            MemoryGate entered = gate;
            cursor = null;
            gate = null;
            state = State.IDLE;
            if (entered != null) {
                entered.leave();
            }
            listener.landed();
        } else if (spanLeft == 0) {
            nextSpan(cursor());
        }
    }

    /** Turns the rest of a payload that lands behind a gate away from memory. */
    void turnAway(MemoryGate behind) {
        if (gate == behind) {
            turnAway();
        }
    }

    private void turnAway() {
        MemoryGate entered = gate;
        if (entered == null) {
            return;
        }
        cursor = null;
        gate = null;
        state = State.DRAINING;
        if (armed) {
            leaveWhenReleased = entered;
        } else {
            entered.leave();
        }
    }

    /** The channel is gone: nothing lands any more. */
    void close() {
        turnAway();
        state = State.CLOSED;
        left = Long.MAX_VALUE;
    }

    @Override
    public void released() {
        armed = false;
        MemoryGate entered = leaveWhenReleased;
        if (entered != null) {
            leaveWhenReleased = null;
            entered.leave();
        }
    }
}
