package io.kvferry.backend.rdma;

import io.kvferry.backend.rdma.adapter.RdmaConnection;
import io.kvferry.backend.rdma.adapter.SealedBytes;
import io.kvferry.spi.OpaqueBytes;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.util.function.Function;

/** How values are laid out in what peers exchange. Lengths are checked before anything is allocated. */
final class Wire {
    static final int MAX_HELLO = RdmaConnection.MAX_HELLO_BYTES;

    private static final int MAX_VARINT_BYTES = 10;

    private Wire() {}

    /** Opens sealed bytes and reads them; whatever does not fit is PROTOCOL_ERROR. */
    static <T> T decode(int magic, OpaqueBytes sealed, String what, Function<ByteBuffer, T> reader) {
        try {
            return reader.apply(SealedBytes.open(magic, sealed.toByteArray(), what));
        } catch (BufferUnderflowException e) {
            throw malformed(what + " ends too early");
        }
    }

    static ByteBuffer putBytes(ByteBuffer out, byte[] value) {
        return out.putShort((short) value.length).put(value);
    }

    static byte[] getBytes(ByteBuffer in, int max) {
        int length = in.getShort() & 0xFFFF;
        if (length > max || length > in.remaining()) {
            throw malformed("a field of " + length + " bytes, where at most " + max + " are allowed");
        }
        byte[] value = new byte[length];
        in.get(value);
        return value;
    }

    /** Small numbers of either sign in few bytes; {@code out} has room for 10. */
    static void putNumber(ByteBuffer out, long value) {
        long rest = (value << 1) ^ (value >> 63);
        while ((rest & ~0x7FL) != 0) {
            out.put((byte) (rest | 0x80));
            rest >>>= 7;
        }
        out.put((byte) rest);
    }

    static long getNumber(ByteBuffer in) {
        long value = 0;
        for (int i = 0; i < MAX_VARINT_BYTES; i++) {
            byte next = in.get();
            value |= (next & 0x7FL) << (7 * i);
            if (next >= 0) {
                return (value >>> 1) ^ -(value & 1);
            }
        }
        throw malformed("a number of more than " + MAX_VARINT_BYTES + " bytes");
    }

    static TransferException malformed(String detail) {
        return new TransferException(TransferErrorCode.PROTOCOL_ERROR, Stage.PREPARE, detail);
    }
}
