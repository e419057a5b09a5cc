package io.kvferry.backend.rdma.adapter;

import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/**
 * Bytes for a peer between a magic number, their length and a checksum: no library sees an address or a key that was
 * damaged on its way or is something else, as some end the process over one.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public final class SealedBytes {
    private static final int OVERHEAD_BYTES = 12;

    private SealedBytes() {}

    /**
     * Seals bytes.
     *
     * @param magic what they are
     * @param content the bytes from position to limit, which are consumed
     * @return the sealed bytes
     */
    public static byte[] seal(int magic, ByteBuffer content) {
        int length = content.remaining();
        byte[] sealed = new byte[OVERHEAD_BYTES + length];
        ByteBuffer.wrap(sealed).putInt(magic).putInt(length).put(content).putInt(crc(sealed));
        return sealed;
    }

    /**
     * Opens sealed bytes.
     *
     * @param magic what they must be
     * @param sealed what a peer sent
     * @param what the same in words, for the error
     * @return the content
     * @throws TransferException PROTOCOL_ERROR for anything that {@link #seal} did not make with this magic
     */
    public static ByteBuffer open(int magic, byte[] sealed, String what) {
        ByteBuffer bytes = ByteBuffer.wrap(sealed);
        if (sealed.length < OVERHEAD_BYTES
                || bytes.getInt() != magic
                || bytes.getInt() != sealed.length - OVERHEAD_BYTES
                || bytes.getInt(sealed.length - 4) != crc(sealed)) {
            throw new TransferException(
                    TransferErrorCode.PROTOCOL_ERROR,
                    Stage.PREPARE,
                    sealed.length + " bytes are not " + what
                            + " of the rdma backend; the peer has to run the same version with the same"
                            + " kvferry.rdma.provider");
        }
        return bytes.limit(sealed.length - 4);
    }

    private static int crc(byte[] sealed) {
        CRC32C crc = new CRC32C();
        crc.update(sealed, 0, sealed.length - 4);
        return (int) crc.getValue();
    }
}
