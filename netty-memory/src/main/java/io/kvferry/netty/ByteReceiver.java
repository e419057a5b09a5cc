package io.kvferry.netty;

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
 * registered memory; bytes that come in buffers of somebody else, as under TLS, are copied there.
 *
 * <p><b>Threads:</b> Confined to the connection's event loop.
 *
 * @since 0.1.0
 */
public final class ByteReceiver implements RecvByteBufAllocator, WindowBuf.Owner {
    /** Says what comes next, and hears when it is there. */
    public interface Listener {
        /**
         * Nothing is expected: says what, by {@link ByteReceiver#head}, {@link ByteReceiver#land} or {@link
         * ByteReceiver#drain}. May be asked again before a byte came.
         */
        void expect();

        /**
         * A head is complete. May say what comes next; otherwise {@link #expect} follows.
         *
         * @param head holds it from index 0 on, until this returns
         */
        void head(ByteBuffer head);

        /**
         * Some of the payload is in memory.
         *
         * @param chunk memory, shared with other threads: only absolute positions of it are used
         * @param at where the bytes are in it
         * @param count how many
         */
        default void placed(ByteBuffer chunk, int at, int count) {}

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

    private static final int SCRATCH_BYTES = 64 << 10;

    private final Listener listener;
    private final int readsPerWakeup;
    private final ByteBuffer slab; // a head, and behind it room for what is thrown away
    private final int scratchAt;
    private final long slabAddress;
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

    /**
     * Makes a receiver that expects nothing yet.
     *
     * @param listener says what comes
     * @param maxHeadBytes most bytes of a head
     * @param order byte order of the buffer that heads are in
     * @param readsPerWakeup how many reads make a turn
     */
    public ByteReceiver(Listener listener, int maxHeadBytes, ByteOrder order, int readsPerWakeup) {
        this.listener = listener;
        this.readsPerWakeup = readsPerWakeup;
        this.scratchAt = maxHeadBytes;
        this.slab = ByteBuffer.allocateDirect(maxHeadBytes + SCRATCH_BYTES).order(order);
        this.slabAddress = MemorySegment.ofBuffer(slab).address();
    }

    /**
     * Expects structure.
     *
     * @param bytes how much, from 1 to the most of a head
     */
    public void head(int bytes) {
        state = State.HEAD;
        got = 0;
        left = bytes;
    }

    /**
     * Expects payload for memory.
     *
     * @param at the cursor, at the first byte
     * @param entered its gate, which has been entered; it is left once the payload is there, or turned away
     * @param bytes how much, at least 1
     */
    public void land(BlockCursor at, MemoryGate entered, long bytes) {
        state = State.LANDING;
        cursor = at;
        gate = entered;
        left = bytes;
        nextSpan(at);
    }

    /**
     * Expects bytes that nobody wants.
     *
     * @param bytes how many, at least 1
     */
    public void drain(long bytes) {
        state = State.DRAINING;
        left = bytes;
    }

    /**
     * Tells whether payload is on its way into some memory.
     *
     * @param behind the memory's gate
     * @return true between {@link #land} and its end
     */
    public boolean isLanding(MemoryGate behind) {
        return gate == behind;
    }

    @Override
    public ExtendedHandle newHandle() {
        return new ReadLoop(this::point, SCRATCH_BYTES, readsPerWakeup);
    }

    /**
     * Bytes have arrived.
     *
     * @param bytes our own window, or a buffer of somebody else; released
     */
    @SuppressWarnings("ReferenceEquality") // the very window, not one with the same bytes
    public void received(ByteBuf bytes) {
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
            case LANDING -> {
                HostMemory to = cursor().memory();
                yield window.toFill(to.chunk(spanAt), HostMemory.inChunk(spanAt), spanLeft, to.address() + spanAt);
            }
            case IDLE, DRAINING, CLOSED ->
                window.toFill(slab, scratchAt, (int) Math.min(left, SCRATCH_BYTES), slabAddress + scratchAt);
        };
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
        listener.placed(cursor().memory().chunk(spanAt), HostMemory.inChunk(spanAt), count);
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

    /**
     * Turns the rest of a payload away from its memory, if it is on its way to this one.
     *
     * @param behind the memory's gate
     */
    public void turnAway(MemoryGate behind) {
        if (gate == behind) {
            turnAway();
        }
    }

    /** Turns the rest of a payload that lands away from its memory. */
    public void turnAway() {
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
    public void close() {
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
