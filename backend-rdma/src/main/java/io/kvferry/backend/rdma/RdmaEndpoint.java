package io.kvferry.backend.rdma;

import io.kvferry.backend.rdma.adapter.SealedBytes;
import io.kvferry.spi.BackendEndpoint;
import java.nio.ByteBuffer;

/** Which instance this is, and where its adapter is reached. Later versions may append fields. Immutable. */
@SuppressWarnings("ArrayRecordComponent") // endpoints are never compared
record RdmaEndpoint(long instance, byte[] address) {
    private static final int MAGIC = 0x4B565231;

    BackendEndpoint encode() {
        return new BackendEndpoint(SealedBytes.seal(
                MAGIC,
                Wire.putBytes(ByteBuffer.allocate(8 + 2 + address.length).putLong(instance), address)
                        .flip()));
    }

    static RdmaEndpoint decode(BackendEndpoint endpoint) {
        return Wire.decode(
                MAGIC,
                endpoint,
                "an endpoint",
                bytes -> new RdmaEndpoint(bytes.getLong(), Wire.getBytes(bytes, Wire.MAX_HELLO)));
    }
}
