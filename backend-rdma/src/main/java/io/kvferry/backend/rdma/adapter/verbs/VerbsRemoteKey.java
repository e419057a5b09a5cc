package io.kvferry.backend.rdma.adapter.verbs;

import io.kvferry.backend.rdma.adapter.RdmaRemoteKey;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.nio.ByteBuffer;

/**
 * The number by which a peer's device finds a registration. The library holds nothing for it. Immutable.
 *
 * @param value the number
 */
record VerbsRemoteKey(int value) implements RdmaRemoteKey {
    private static final byte VERSION = 1;
    private static final int BYTES = 5;

    static byte[] encode(int value) {
        return ByteBuffer.allocate(BYTES).put(VERSION).putInt(value).array();
    }

    static VerbsRemoteKey decode(byte[] key) {
        if (key.length < BYTES || key[0] != VERSION) {
            throw new TransferException(
                    TransferErrorCode.PROTOCOL_ERROR,
                    Stage.PREPARE,
                    "a verbs key of " + key.length + " bytes that this node cannot read");
        }
        return new VerbsRemoteKey(ByteBuffer.wrap(key, 1, Integer.BYTES).getInt());
    }

    @Override
    public void release() {
        // nothing is held
    }

    @Override
    public String toString() {
        return "VerbsRemoteKey"; // a secret
    }
}
