package io.kvferry.backend.rdma.adapter.disni;

import io.kvferry.backend.rdma.adapter.SealedBytes;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;

/** Where an adapter listens: an IPv4 address and a port. Later versions may append fields. */
final class DisniAddress {
    private static final int MAGIC = 0x4453_4E31;
    private static final int IP_BYTES = 4;
    private static final int BYTES = IP_BYTES + Short.BYTES;

    private DisniAddress() {}

    static byte[] encode(InetSocketAddress listening) {
        ByteBuffer out = ByteBuffer.allocate(BYTES)
                .put(listening.getAddress().getAddress())
                .putShort((short) listening.getPort());
        return SealedBytes.seal(MAGIC, out.flip());
    }

    /**
     * Reads what a peer sent.
     *
     * @throws TransferException PROTOCOL_ERROR for bytes that are no address
     */
    static InetSocketAddress decode(byte[] sealed) {
        ByteBuffer in = SealedBytes.open(MAGIC, sealed, "an address");
        if (in.remaining() < BYTES) {
            throw new TransferException(
                    TransferErrorCode.PROTOCOL_ERROR, Stage.PREPARE, "an address of " + in.remaining() + " bytes");
        }
        byte[] ip = new byte[IP_BYTES];
        in.get(ip);
        try {
            return new InetSocketAddress(InetAddress.getByAddress(ip), Short.toUnsignedInt(in.getShort()));
        } catch (UnknownHostException e) {
            throw new IllegalStateException(e); // four bytes are always an address
        }
    }
}
