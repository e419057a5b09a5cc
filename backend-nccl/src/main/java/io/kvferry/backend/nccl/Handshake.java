package io.kvferry.backend.nccl;

import io.kvferry.spi.BackendEndpoint;
import io.kvferry.spi.Descriptor;
import io.kvferry.spi.OpaqueBytes;
import io.kvferry.spi.Proposal;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.nio.ByteBuffer;
import java.security.SecureRandom;
import java.util.zip.CRC32C;

/**
 * What two instances tell each other before a transfer has its channel: who they are, and whether they share a connection
 * already. Immutable.
 *
 * @param instance random per opened backend
 * @param connection the initiator's number of the connection it would use, or 0 for none
 * @param known at the target, whether that connection is open here too
 */
record Handshake(long instance, long connection, boolean known) {
    private static final byte VERSION = 1;
    private static final int FIELDS = 1 + 2 * Long.BYTES + 1;
    private static final int BYTES = FIELDS + Integer.BYTES;
    private static final SecureRandom RANDOM = new SecureRandom();

    /** A number that no other instance, and no earlier connection, has. */
    static long randomNumber() {
        long number = RANDOM.nextLong();
        return number == 0 ? 1 : number;
    }

    BackendEndpoint endpoint() {
        return new BackendEndpoint(encode());
    }

    Proposal proposal() {
        return new Proposal(encode());
    }

    Descriptor descriptor() {
        return new Descriptor(encode());
    }

    private byte[] encode() {
        ByteBuffer out = ByteBuffer.allocate(BYTES)
                .put(VERSION)
                .putLong(instance)
                .putLong(connection)
                .put((byte) (known ? 1 : 0));
        CRC32C crc = new CRC32C();
        crc.update(out.array(), 0, FIELDS);
        return out.putInt((int) crc.getValue()).array();
    }

    /** Reads any of the three. */
    static Handshake decode(OpaqueBytes from) {
        ByteBuffer bytes = from.buffer();
        if (bytes.remaining() < BYTES || bytes.get() != VERSION || bytes.getInt(FIELDS) != from.crc32c(FIELDS)) {
            throw new TransferException(
                    TransferErrorCode.PROTOCOL_ERROR,
                    Stage.PREPARE,
                    from + " of the peer, expected " + BYTES + " bytes of version " + VERSION + " with their CRC32C");
        }
        return new Handshake(bytes.getLong(), bytes.getLong(), bytes.get() == 1);
    }
}
