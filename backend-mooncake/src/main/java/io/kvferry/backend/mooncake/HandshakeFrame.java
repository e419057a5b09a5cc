package io.kvferry.backend.mooncake;

import io.netty.buffer.ByteBuf;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A message of the handshake: u64 length, u8 type, JSON; the length counts the type. Before v0.3 there was no type, and
 * the message was a {@link #CONNECTION}.
 *
 * @param type one of the constants here
 * @param typed whether the message has its type on the wire
 */
@SuppressWarnings("ArrayRecordComponent") // is not compared
record HandshakeFrame(int type, boolean typed, byte[] json) {
    static final int CONNECTION = 0;
    static final int METADATA = 1;
    static final int NOTIFY = 2;
    static final int PROBE = 3;

    static final int LENGTH_BYTES = 8;

    static HandshakeFrame of(int type, byte[] json) {
        return new HandshakeFrame(type, true, json);
    }

    byte[] encode() {
        int types = typed ? 1 : 0;
        byte[] frame = new byte[LENGTH_BYTES + types + json.length];
        ByteBuffer out = ByteBuffer.wrap(frame).order(ByteOrder.LITTLE_ENDIAN).putLong(types + json.length);
        if (typed) {
            out.put((byte) type);
        }
        out.put(json);
        return frame;
    }

    private static HandshakeFrame decode(byte[] payload) {
        if (payload[0] >= CONNECTION && payload[0] <= PROBE) {
            return of(payload[0], Arrays.copyOfRange(payload, 1, payload.length));
        }
        return new HandshakeFrame(CONNECTION, false, payload);
    }

    /** Collects one frame. Confined to one event loop. */
    static final class Collector {
        private final int maxLength;
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        private long length = -1;

        Collector(int maxLength) {
            this.maxLength = maxLength;
        }

        /**
         * Takes bytes.
         *
         * @return the frame, once it is complete; nothing after it is looked at
         * @throws IllegalArgumentException if its length is none that is accepted; nothing of that length was allocated
         */
        @Nullable
        HandshakeFrame add(ByteBuf in) {
            long wanted = length < 0 ? LENGTH_BYTES : length;
            while (in.isReadable()) {
                byte[] part = new byte[(int) Math.min(in.readableBytes(), wanted - bytes.size())];
                in.readBytes(part);
                bytes.writeBytes(part);
                if (bytes.size() < wanted) {
                    break;
                }
                if (length >= 0) {
                    return decode(bytes.toByteArray());
                }
                wanted = checkedLength();
            }
            return null;
        }

        private long checkedLength() {
            length = ByteBuffer.wrap(bytes.toByteArray())
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .getLong();
            if (length < 1 || length > maxLength) {
                throw new IllegalArgumentException("handshake of " + Long.toUnsignedString(length)
                        + " bytes > kvferry.mooncake.handshake-max-length=" + maxLength);
            }
            bytes.reset();
            return length;
        }
    }
}
