package io.kvferry.backend.rdma.adapter.ucx;

import io.kvferry.backend.rdma.adapter.SealedBytes;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/**
 * Where an adapter is reached. Later versions may append fields. Immutable.
 *
 * @param wireup how
 * @param port of the listener; 0 where there is none
 * @param host of the listener; empty where there is none
 */
record UcxAddress(UcxWireup wireup, int port, String host) {
    private static final int MAGIC = 0x55435834;
    private static final byte BY_ADDRESS = 1;
    private static final byte BY_SOCKET = 2;
    private static final int FIXED_BYTES = 5;

    byte[] encode() {
        byte[] name = host.getBytes(StandardCharsets.UTF_8);
        ByteBuffer out = ByteBuffer.allocate(FIXED_BYTES + name.length)
                .put(wireup == UcxWireup.ADDRESS ? BY_ADDRESS : BY_SOCKET)
                .putShort((short) port)
                .putShort((short) name.length)
                .put(name);
        return SealedBytes.seal(MAGIC, out.flip());
    }

    /**
     * Reads what a peer sent.
     *
     * @throws TransferException PROTOCOL_ERROR for bytes that are none, INCOMPATIBLE_PEER for another wireup than ours
     */
    static UcxAddress decode(byte[] sealed, UcxWireup ours) {
        ByteBuffer in = SealedBytes.open(MAGIC, sealed, "an address");
        if (in.remaining() < FIXED_BYTES) {
            throw refusal(TransferErrorCode.PROTOCOL_ERROR, "an address of " + in.remaining() + " bytes");
        }
        byte wireup = in.get();
        if (wireup != (ours == UcxWireup.ADDRESS ? BY_ADDRESS : BY_SOCKET)) {
            throw refusal(
                    TransferErrorCode.INCOMPATIBLE_PEER,
                    "this node has " + UcxConfigKeys.WIREUP.name() + "="
                            + ours.name().toLowerCase(Locale.ROOT) + ", the peer another; set both to the same");
        }
        int port = Short.toUnsignedInt(in.getShort());
        int length = Short.toUnsignedInt(in.getShort());
        if (length > in.remaining()) {
            throw refusal(TransferErrorCode.PROTOCOL_ERROR, "an address with a host of " + length + " bytes");
        }
        byte[] host = new byte[length];
        in.get(host);
        return new UcxAddress(ours, port, new String(host, StandardCharsets.UTF_8));
    }

    InetSocketAddress resolve() throws UnknownHostException {
        return new InetSocketAddress(InetAddress.getByName(host), port);
    }

    private static TransferException refusal(TransferErrorCode code, String detail) {
        return new TransferException(code, Stage.PREPARE, detail);
    }
}
