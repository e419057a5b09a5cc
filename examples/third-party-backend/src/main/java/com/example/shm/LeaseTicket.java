package com.example.shm;

import io.kvferry.spi.Descriptor;
import io.kvferry.spi.LeaseKey;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.nio.ByteBuffer;

/**
 * What the target tells the initiator: under which descriptor of its process the lease's page is, and what must be written on
 * it. Addresses are on the page and not in here, so that a ticket with a wrong bit leads nowhere. Immutable.
 *
 * @param fd the descriptor in the target's process
 * @param key the lease's key
 */
record LeaseTicket(int fd, LeaseKey key) {
    private static final byte VERSION = 1;
    private static final int BYTES = 1 + Integer.BYTES + 3 * Long.BYTES;

    Descriptor encode() {
        return new Descriptor(ByteBuffer.allocate(BYTES)
                .put(VERSION)
                .putInt(fd)
                .putLong(key.high())
                .putLong(key.low())
                .putLong(key.epoch())
                .array());
    }

    static LeaseTicket decode(Descriptor descriptor) {
        ByteBuffer bytes = descriptor.buffer();
        if (bytes.remaining() != BYTES || bytes.get() != VERSION) {
            throw new TransferException(
                    TransferErrorCode.PROTOCOL_ERROR,
                    Stage.PREPARE,
                    "the descriptor has " + bytes.limit() + " bytes, expected " + BYTES + " of version " + VERSION);
        }
        return new LeaseTicket(bytes.getInt(), new LeaseKey(bytes.getLong(), bytes.getLong(), bytes.getLong()));
    }
}
