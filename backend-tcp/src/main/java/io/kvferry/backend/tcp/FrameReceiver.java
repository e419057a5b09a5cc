package io.kvferry.backend.tcp;

import io.kvferry.netty.ByteReceiver;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** Cuts a lane's bytes into frames. Confined to the lane's event loop. */
final class FrameReceiver implements ByteReceiver.Listener {
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

    private final Listener listener;
    private final ByteReceiver bytes;
    private final FrameHeader frame = new FrameHeader();
    private final Checksum checksum = new Checksum();
    /** Whether the next head is the detail of the frame, and not a header. */
    private boolean awaitsDetail;
    /** Where the frame's payload goes. */
    private @Nullable InStream landing;

    FrameReceiver(Listener listener, int readsPerWakeup) {
        this.listener = listener;
        this.bytes = new ByteReceiver(
                this, Math.max(FrameHeader.BYTES, FrameHeader.MAX_DETAIL_BYTES), ByteOrder.BIG_ENDIAN, readsPerWakeup);
    }

    /** Where the lane's bytes go. */
    ByteReceiver bytes() {
        return bytes;
    }

    @Override
    public void expect() {
        bytes.head(awaitsDetail ? frame.length : FrameHeader.BYTES);
    }

    @Override
    public void head(ByteBuffer head) {
        if (awaitsDetail) {
            awaitsDetail = false;
            byte[] text = new byte[frame.length];
            head.get(0, text);
            listener.control(frame, new String(text, StandardCharsets.UTF_8));
            return;
        }
        String wrong = frame.decode(head);
        if (wrong != null) {
            bytes.drain(Long.MAX_VALUE);
            listener.undecodable(wrong);
        } else if (frame.type == FrameType.DATA) {
            data();
        } else if (frame.length > 0) {
            awaitsDetail = true;
        } else {
            listener.control(frame, "");
        }
    }

    private void data() {
        InStream stream = listener.landing(frame);
        if (stream != null) {
            landing = stream;
            checksum.reset();
            bytes.land(stream.cursor(), stream.transfer().gate(), frame.length);
        } else if (frame.length > 0) {
            bytes.drain(frame.length);
        }
    }

    @Override
    public void placed(ByteBuffer chunk, int at, int count) {
        if (frame.hasChecksum()) {
            checksum.update(chunk, at, count);
        }
    }

    @Override
    public void landed() {
        InStream stream = landing;
        landing = null;
        if (stream != null) {
            boolean intact = !frame.hasChecksum() || checksum.value() == frame.payloadCrc;
            listener.landed(stream, frame, intact);
        }
    }

    @Override
    public void drained() {
        landing = null;
    }
}
