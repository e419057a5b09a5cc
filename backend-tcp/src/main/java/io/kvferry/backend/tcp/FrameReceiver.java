package io.kvferry.backend.tcp;

import io.kvferry.netty.BlockCursor;
import io.kvferry.netty.HostMemory;
import io.kvferry.netty.ReadLoop;
import io.kvferry.netty.WindowBuf;
import io.kvferry.spi.MemoryGate;
import io.netty.buffer.ByteBuf;
import io.netty.channel.RecvByteBufAllocator;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * Cuts a lane's bytes into frames and puts payload where it belongs. It decides where the channel's next read goes, so
 * that the socket itself fills registered memory; bytes that come in buffers of somebody else are copied there. Confined
 * to the lane's event loop.
 */
final class FrameReceiver implements RecvByteBufAllocator, WindowBuf.Owner {
    /** Acts on frames. */
    interface Listener {
        /**
         * A DATA header is complete.
         *
         * @return where the payload goes, its gate entered and its cursor at the first byte; null drains the payload
         */
        @Nullable
        InStream landing(FrameHeader frame);

        /** The payload is in memory and the gate has been left. */
        void landed(InStream stream, FrameHeader frame, boolean intact);

        /** A frame that is not DATA is complete. */
        void control(FrameHeader frame, String detail);

        /** The bytes are no frames; nothing after them makes sense. */
        void undecodable(String reason);
    }

    private enum State {
        HEADER,
        DETAIL,
        LANDING,
        DRAINING
    }

    private static final int DETAIL_AT = FrameHeader.BYTES;
    private static final int SCRATCH_AT = DETAIL_AT + FrameHeader.MAX_DETAIL_BYTES;
    private static final int SCRATCH_BYTES = 64 << 10;

    private final Listener listener;
    private final int readsPerWakeup;
    private final ByteBuffer slab = ByteBuffer.allocateDirect(SCRATCH_AT + SCRATCH_BYTES);
    private final ByteBuffer head = slab.slice(0, FrameHeader.BYTES);
    private final long slabAddress = MemorySegment.ofBuffer(slab).address();
    private final WindowBuf window = new WindowBuf(this);
    private final FrameHeader frame = new FrameHeader();
    private final Checksum checksum = new Checksum();

    private State state = State.HEADER;
    /** Bytes of the header or the detail that are here. */
    private int got;
    /** Bytes of the payload that are not here. */
    private int left;

    private @Nullable InStream landing;
    /** The part of the current span that is not here. */
    private int spanLeft;

    private long spanAt;

    /** True while a channel may write into {@link #window}. */
    private boolean armed;
    /** The gate to leave when the channel lets go of the window. */
    private @Nullable MemoryGate leaveWhenReleased;

    FrameReceiver(Listener listener, int readsPerWakeup) {
        this.listener = listener;
        this.readsPerWakeup = readsPerWakeup;
    }

    @Override
    public ExtendedHandle newHandle() {
        return new ReadLoop(() -> point(window), SCRATCH_BYTES, readsPerWakeup);
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
                point(window);
                int count = Math.min(bytes.readableBytes(), window.capacity());
                bytes.readBytes(window.internalNioBuffer(0, count));
                window.release();
                advance(count);
            }
        } finally {
            bytes.release();
        }
    }

    private WindowBuf point(WindowBuf target) {
        armed = true;
        return switch (state) {
            case HEADER -> target.toFill(slab, got, FrameHeader.BYTES - got, slabAddress + got);
            case DETAIL -> target.toFill(slab, DETAIL_AT + got, left, slabAddress + DETAIL_AT + got);
            case DRAINING -> target.toFill(slab, SCRATCH_AT, Math.min(left, SCRATCH_BYTES), slabAddress + SCRATCH_AT);
            case LANDING -> pointAtSpan(target);
        };
    }

    private WindowBuf pointAtSpan(WindowBuf target) {
        HostMemory memory = landingStream().cursor().memory();
        return target.toFill(memory.chunk(spanAt), HostMemory.inChunk(spanAt), spanLeft, memory.address() + spanAt);
    }

    private InStream landingStream() {
        InStream stream = landing;
        if (stream == null) {
            throw new IllegalStateException("no frame is landing");
        }
        return stream;
    }

    private void advance(int count) {
        switch (state) {
            case HEADER -> {
                got += count;
                if (got == FrameHeader.BYTES) {
                    got = 0;
                    header();
                }
            }
            case DETAIL -> {
                got += count;
                left -= count;
                if (left == 0) {
                    byte[] text = new byte[got];
                    slab.get(DETAIL_AT, text);
                    got = 0;
                    state = State.HEADER;
                    listener.control(frame, new String(text, StandardCharsets.UTF_8));
                }
            }
            case DRAINING -> {
                left -= count;
                if (left == 0) {
                    state = State.HEADER;
                }
            }
            case LANDING -> landed(count);
        }
    }

    private void header() {
        String wrong = frame.decode(head);
        if (wrong != null) {
            left = Integer.MAX_VALUE;
            state = State.DRAINING;
            listener.undecodable(wrong);
            return;
        }
        left = frame.length;
        if (frame.type != FrameType.DATA) {
            if (left > 0) {
                state = State.DETAIL;
            } else {
                listener.control(frame, "");
            }
            return;
        }
        InStream stream = listener.landing(frame);
        if (stream == null) {
            state = left > 0 ? State.DRAINING : State.HEADER;
            return;
        }
        landing = stream;
        state = State.LANDING;
        checksum.reset();
        nextSpan(stream);
    }

    private void nextSpan(InStream stream) {
        BlockCursor cursor = stream.cursor();
        cursor.nextSpan(Integer.MAX_VALUE, left);
        spanAt = cursor.start();
        spanLeft = cursor.length();
    }

    private void landed(int count) {
        InStream stream = landingStream();
        if (frame.hasChecksum()) {
            checksum.update(stream.cursor().memory().chunk(spanAt), HostMemory.inChunk(spanAt), count);
        }
        spanAt += count;
        spanLeft -= count;
        left -= count;
        if (left == 0) {
            landing = null;
            state = State.HEADER;
            boolean intact = !frame.hasChecksum() || checksum.value() == frame.payloadCrc;
            stream.transfer().gate().leave();
            listener.landed(stream, frame, intact);
        } else if (spanLeft == 0) {
            nextSpan(stream);
        }
    }

    /** Turns the rest of a frame that lands in the transfer's memory away from it. */
    void turnAway(TcpTransfer transfer) {
        if (landing != null && landing.transfer() == transfer) {
            turnAway();
        }
    }

    /** Turns the rest of a frame that lands in memory away from it. */
    void turnAway() {
        InStream stream = landing;
        if (stream == null) {
            return;
        }
        landing = null;
        state = State.DRAINING;
        if (armed) {
            leaveWhenReleased = stream.transfer().gate();
        } else {
            stream.transfer().gate().leave();
        }
    }

    /** The channel is gone: nothing lands any more. */
    void close() {
        turnAway();
        state = State.DRAINING;
        left = Integer.MAX_VALUE;
    }

    @Override
    public void released() {
        armed = false;
        MemoryGate gate = leaveWhenReleased;
        if (gate != null) {
            leaveWhenReleased = null;
            gate.leave();
        }
    }
}
