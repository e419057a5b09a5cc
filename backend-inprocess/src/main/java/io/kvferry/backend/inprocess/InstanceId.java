package io.kvferry.backend.inprocess;

import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.nio.ByteBuffer;
import java.security.SecureRandom;

/** Names one opened backend in this JVM; travels as its endpoint and as its proposals. Immutable. */
record InstanceId(long high, long low) {
    private static final byte VERSION = 1;
    private static final int BYTES = 1 + 2 * Long.BYTES;
    private static final SecureRandom RANDOM = new SecureRandom();

    static InstanceId random() {
        return new InstanceId(RANDOM.nextLong(), RANDOM.nextLong());
    }

    byte[] encode() {
        return ByteBuffer.allocate(BYTES)
                .put(VERSION)
                .putLong(high)
                .putLong(low)
                .array();
    }

    /** Reads what {@link #encode} wrote; {@code what} names it in the error. */
    static InstanceId decode(ByteBuffer bytes, String what) {
        if (bytes.remaining() != BYTES || bytes.get() != VERSION) {
            throw new TransferException(
                    TransferErrorCode.PROTOCOL_ERROR,
                    Stage.PREPARE,
                    "the peer's " + what + " has " + bytes.limit() + " bytes, expected " + BYTES + " of version "
                            + VERSION);
        }
        return new InstanceId(bytes.getLong(), bytes.getLong());
    }

    @Override
    public String toString() {
        return Long.toHexString(high);
    }
}
