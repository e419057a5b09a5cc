package io.kvferry.backend.mooncake;

import io.kvferry.spi.Operation;
import java.nio.ByteBuffer;

/**
 * The 24 bytes before every request of the data plane: u64 size, u64 address, u8 opcode, 7 bytes of padding, all
 * little-endian.
 *
 * @param size payload bytes; unsigned
 * @param address where at the target; unsigned, opaque to the initiator
 * @param operation every opcode but WRITE is a READ, as in the native engine
 * @param acknowledged whether the initiator wants a {@link StatusFrame}
 */
record RequestHeader(long size, long address, Operation operation, boolean acknowledged) {
    static final int BYTES = 24;

    private static final int WRITE = 1;
    private static final int ACKNOWLEDGED = 0x80;

    /** Writes the header at the start of a little-endian buffer. The native engine leaves the padding undefined; here it is zero. */
    void encode(ByteBuffer out) {
        int opcode = (operation == Operation.WRITE ? WRITE : 0) | (acknowledged ? ACKNOWLEDGED : 0);
        out.putLong(0, size).putLong(8, address).putLong(16, opcode);
    }

    static RequestHeader decode(ByteBuffer in) {
        int opcode = in.get(16) & 0xFF;
        return new RequestHeader(
                in.getLong(0),
                in.getLong(8),
                (opcode & ~ACKNOWLEDGED) == WRITE ? Operation.WRITE : Operation.READ,
                (opcode & ACKNOWLEDGED) != 0);
    }

    @Override
    public String toString() {
        return operation + " of " + Long.toUnsignedString(size) + " bytes at 0x" + Long.toHexString(address);
    }
}
