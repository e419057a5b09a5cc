package io.kvferry.backend.tcp;

import io.kvferry.spi.BackendEndpoint;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;

/** Where an instance listens, and which instance that is. Later versions may append fields. Immutable. */
record TcpEndpoint(String host, int port, long instance) {
    private static final short VERSION = 1;
    private static final int FIXED_BYTES = 2 + 8 + 2 + 1;
    private static final int MAX_HOST_BYTES = 255;

    private static final SecureRandom RANDOM = new SecureRandom();

    /** A name that no earlier instance has had. */
    static long randomInstance() {
        return RANDOM.nextLong();
    }

    BackendEndpoint encode() {
        byte[] name = host.getBytes(StandardCharsets.US_ASCII);
        return new BackendEndpoint(ByteBuffer.allocate(FIXED_BYTES + name.length)
                .putShort(VERSION)
                .putLong(instance)
                .putShort((short) port)
                .put((byte) name.length)
                .put(name)
                .array());
    }

    static TcpEndpoint decode(BackendEndpoint endpoint) {
        ByteBuffer bytes = endpoint.buffer();
        if (bytes.remaining() < FIXED_BYTES || bytes.getShort() < VERSION) {
            throw malformed(endpoint);
        }
        long instance = bytes.getLong();
        int port = bytes.getShort() & 0xFFFF;
        byte[] name = new byte[bytes.get() & MAX_HOST_BYTES];
        if (port == 0 || name.length == 0 || bytes.remaining() < name.length) {
            throw malformed(endpoint);
        }
        bytes.get(name);
        return new TcpEndpoint(new String(name, StandardCharsets.US_ASCII), port, instance);
    }

    static boolean isHost(String host) {
        return host.matches("[!-~]{1," + MAX_HOST_BYTES + "}");
    }

    private static TransferException malformed(BackendEndpoint endpoint) {
        return new TransferException(
                TransferErrorCode.PROTOCOL_ERROR,
                Stage.PREPARE,
                "not an endpoint of the tcp backend: " + endpoint + "; the peer has to run the same version");
    }

    @Override
    public String toString() {
        return host + ":" + port;
    }
}
