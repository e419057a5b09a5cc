package io.kvferry.backend.rdma;

import io.kvferry.backend.rdma.adapter.SealedBytes;
import io.kvferry.spi.Proposal;
import java.nio.ByteBuffer;

/**
 * The connection over which an initiator means to use a lease. The target opens its half when it has none of that number.
 * Later versions may append fields. Immutable.
 */
@SuppressWarnings("ArrayRecordComponent") // proposals are never compared
record RdmaProposal(long instance, long connection, byte[] hello) {
    private static final int MAGIC = 0x4B565232;

    Proposal encode() {
        ByteBuffer bytes =
                ByteBuffer.allocate(16 + 2 + hello.length).putLong(instance).putLong(connection);
        return new Proposal(SealedBytes.seal(MAGIC, Wire.putBytes(bytes, hello).flip()));
    }

    static RdmaProposal decode(Proposal proposal) {
        return Wire.decode(
                MAGIC,
                proposal,
                "a proposal",
                bytes -> new RdmaProposal(bytes.getLong(), bytes.getLong(), Wire.getBytes(bytes, Wire.MAX_HELLO)));
    }
}
