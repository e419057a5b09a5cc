package io.kvferry.backend.rdma.adapter.disni;

import io.kvferry.backend.rdma.adapter.SealedBytes;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.nio.ByteBuffer;

/**
 * What one half of a connection tells the other over peer control. Later versions may append fields. Immutable.
 *
 * @param token names the connection; the initiator's choice
 * @param flushAddress eight bytes that the peer may read: having read them, its writes before are in memory
 * @param flushKey the key to them
 */
record DisniHello(DisniToken token, long flushAddress, int flushKey) {
    private static final int MAGIC = 0x4453_4E32;
    private static final int BYTES = DisniToken.BYTES + Long.BYTES + Integer.BYTES;

    byte[] encode() {
        ByteBuffer out =
                token.put(ByteBuffer.allocate(BYTES)).putLong(flushAddress).putInt(flushKey);
        return SealedBytes.seal(MAGIC, out.flip());
    }

    /**
     * Reads what a peer sent.
     *
     * @throws TransferException PROTOCOL_ERROR for bytes that are no hello
     */
    static DisniHello decode(byte[] sealed) {
        ByteBuffer in = SealedBytes.open(MAGIC, sealed, "a hello");
        if (in.remaining() < BYTES) {
            throw new TransferException(
                    TransferErrorCode.PROTOCOL_ERROR, Stage.PREPARE, "a hello of " + in.remaining() + " bytes");
        }
        return new DisniHello(DisniToken.get(in), in.getLong(), in.getInt());
    }

    @Override
    public String toString() {
        return "DisniHello"; // holds secrets
    }
}
