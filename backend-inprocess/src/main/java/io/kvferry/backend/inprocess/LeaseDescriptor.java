package io.kvferry.backend.inprocess;

import io.kvferry.spi.Descriptor;
import io.kvferry.spi.LeaseKey;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.nio.ByteBuffer;

/** What opens a lease: where it is in its instance, and its key. Immutable. */
record LeaseDescriptor(long slot, LeaseKey key) {
    private static final byte VERSION = 1;
    private static final int BYTES = 1 + 4 * Long.BYTES;

    Descriptor encode() {
        return new Descriptor(ByteBuffer.allocate(BYTES)
                .put(VERSION)
                .putLong(slot)
                .putLong(key.high())
                .putLong(key.low())
                .putLong(key.epoch())
                .array());
    }

    static LeaseDescriptor decode(Descriptor descriptor) {
        ByteBuffer bytes = descriptor.buffer();
        if (bytes.remaining() != BYTES || bytes.get() != VERSION) {
            throw new TransferException(
                    TransferErrorCode.PROTOCOL_ERROR,
                    Stage.PREPARE,
                    "the descriptor has " + bytes.limit() + " bytes, expected " + BYTES + " of version " + VERSION);
        }
        return new LeaseDescriptor(bytes.getLong(), new LeaseKey(bytes.getLong(), bytes.getLong(), bytes.getLong()));
    }
}
