package io.kvferry.backend.mooncake;

import io.kvferry.spi.BackendEndpoint;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * Where a target is found. Later versions may append fields. Immutable.
 *
 * @param incarnation which life of the target; 0 for a foreign one, whose segment has to be opened to learn more
 * @param dataPort where its data plane listens; 0 for a foreign one
 * @param segment its segment name; for one of ours and for one that is opened by handshake, host and port of the handshake
 */
record WireEndpoint(long incarnation, int dataPort, String segment) {
    private static final short VERSION = 1;
    private static final int FIXED_BYTES = 2 + 8 + 2 + 2;
    private static final int MAX_SEGMENT_BYTES = 1024;

    static WireEndpoint foreign(String segment) {
        return new WireEndpoint(0, 0, segment);
    }

    boolean isForeign() {
        return dataPort == 0;
    }

    BackendEndpoint encode() {
        byte[] name = segment.getBytes(StandardCharsets.UTF_8);
        return new BackendEndpoint(ByteBuffer.allocate(FIXED_BYTES + name.length)
                .putShort(VERSION)
                .putLong(incarnation)
                .putShort((short) dataPort)
                .putShort((short) name.length)
                .put(name)
                .array());
    }

    static WireEndpoint decode(BackendEndpoint endpoint) {
        ByteBuffer bytes = endpoint.buffer();
        if (bytes.remaining() < FIXED_BYTES || bytes.getShort() < VERSION) {
            throw malformed(endpoint);
        }
        long incarnation = bytes.getLong();
        int dataPort = bytes.getShort() & 0xFFFF;
        int length = bytes.getShort();
        if (length < 1 || length > MAX_SEGMENT_BYTES || bytes.remaining() < length) {
            throw malformed(endpoint);
        }
        byte[] name = new byte[length];
        bytes.get(name);
        return new WireEndpoint(incarnation, dataPort, new String(name, StandardCharsets.UTF_8));
    }

    static boolean isSegmentName(String name) {
        int length = name.getBytes(StandardCharsets.UTF_8).length;
        return length > 0 && length <= MAX_SEGMENT_BYTES;
    }

    private static TransferException malformed(BackendEndpoint endpoint) {
        return new TransferException(
                TransferErrorCode.PROTOCOL_ERROR,
                Stage.PREPARE,
                "not an endpoint of the mooncake backend: " + endpoint + "; the peer has to run the same version");
    }
}
