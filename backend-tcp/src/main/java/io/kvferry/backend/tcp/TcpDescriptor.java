package io.kvferry.backend.tcp;

import io.kvferry.spi.Descriptor;
import io.kvferry.spi.LeaseKey;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.nio.ByteBuffer;

/** The lease as its target describes it. Holds its key: never logged. Later versions may append fields. Immutable. */
record TcpDescriptor(long instance, TcpLease lease, int blocks, long bytes) {
    private static final short VERSION = 1;
    private static final int BYTES = 2 + 8 + 32 + 4 + 8;

    Descriptor encode() {
        return new Descriptor(ByteBuffer.allocate(BYTES)
                .putShort(VERSION)
                .putLong(instance)
                .putLong(lease.slot())
                .putLong(lease.key().high())
                .putLong(lease.key().low())
                .putLong(lease.epoch())
                .putInt(blocks)
                .putLong(bytes)
                .array());
    }

    static TcpDescriptor decode(Descriptor descriptor) {
        ByteBuffer bytes = descriptor.buffer();
        if (bytes.remaining() < BYTES || bytes.getShort() < VERSION) {
            throw new TransferException(
                    TransferErrorCode.PROTOCOL_ERROR,
                    Stage.PREPARE,
                    "not a descriptor of the tcp backend: " + descriptor + "; the peer has to run the same version");
        }
        return new TcpDescriptor(
                bytes.getLong(),
                new TcpLease(bytes.getLong(), new LeaseKey(bytes.getLong(), bytes.getLong(), bytes.getLong())),
                bytes.getInt(),
                bytes.getLong());
    }
}
