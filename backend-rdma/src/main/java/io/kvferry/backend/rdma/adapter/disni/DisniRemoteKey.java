package io.kvferry.backend.rdma.adapter.disni;

import io.kvferry.backend.rdma.adapter.RdmaConnection;
import io.kvferry.backend.rdma.adapter.RdmaRemoteKey;
import io.kvferry.backend.rdma.adapter.SealedBytes;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.nio.ByteBuffer;

/**
 * The numbers by which a peer's device finds a region's registrations. The library holds nothing for them. Immutable.
 *
 * @param pieces the peer's
 */
record DisniRemoteKey(DisniPieces pieces) implements RdmaRemoteKey {
    private static final int MAGIC = 0x4453_4E33;
    private static final int FIXED_BYTES = Long.BYTES + Short.BYTES;
    private static final int SEAL_BYTES = 12;

    /** As many as a grant's key has room for. */
    static final int MAX_PIECES = (RdmaConnection.MAX_KEY_BYTES - SEAL_BYTES - FIXED_BYTES) / Integer.BYTES;

    static byte[] encode(DisniPieces pieces) {
        int[] keys = pieces.keys();
        ByteBuffer out = ByteBuffer.allocate(FIXED_BYTES + keys.length * Integer.BYTES)
                .putLong(pieces.base())
                .putShort((short) keys.length);
        for (int key : keys) {
            out.putInt(key);
        }
        return SealedBytes.seal(MAGIC, out.flip());
    }

    /**
     * Reads what a peer sent.
     *
     * @throws TransferException PROTOCOL_ERROR for bytes that are no key
     */
    static DisniRemoteKey decode(byte[] sealed) {
        ByteBuffer in = SealedBytes.open(MAGIC, sealed, "a key");
        if (in.remaining() < FIXED_BYTES) {
            throw refusal("a key of " + in.remaining() + " bytes");
        }
        long base = in.getLong();
        int count = Short.toUnsignedInt(in.getShort());
        if (count < 1 || count > MAX_PIECES || in.remaining() < count * Integer.BYTES) {
            throw refusal("a key of " + count + " pieces in " + in.remaining() + " bytes");
        }
        int[] keys = new int[count];
        in.asIntBuffer().get(keys);
        return new DisniRemoteKey(new DisniPieces(base, keys));
    }

    private static TransferException refusal(String detail) {
        return new TransferException(TransferErrorCode.PROTOCOL_ERROR, Stage.PREPARE, detail);
    }

    @Override
    public void release() {
        // nothing is held
    }

    @Override
    public String toString() {
        return "DisniRemoteKey"; // a secret
    }
}
