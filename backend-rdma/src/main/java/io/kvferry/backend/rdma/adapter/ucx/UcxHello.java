package io.kvferry.backend.rdma.adapter.ucx;

import io.kvferry.backend.rdma.adapter.SealedBytes;
import io.kvferry.backend.rdma.adapter.posix.LocalProcess;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.nio.ByteBuffer;

/**
 * What one half of a connection tells the other over peer control. Later versions may append fields. Immutable.
 *
 * @param token names the connection; the initiator's choice
 * @param process which this half is in
 * @param worker the address of this half's worker, sealed on its way as UCX ends the process over a damaged one; empty where
 *     a listener is used
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record UcxHello(long token, LocalProcess process, byte[] worker) {
    private static final int MAGIC = 0x55435833;
    private static final int FIXED_BYTES = Long.BYTES + LocalProcess.BYTES + Short.BYTES;

    /** Of an address's first byte. */
    private static final int FORMAT_BITS = 0x0F;

    byte[] encode() {
        ByteBuffer out = ByteBuffer.allocate(FIXED_BYTES + worker.length).putLong(token);
        process.put(out).putShort((short) worker.length).put(worker);
        return SealedBytes.seal(MAGIC, out.flip());
    }

    /**
     * Reads what a peer sent.
     *
     * @param wireup ours; by address there must be one
     * @throws TransferException PROTOCOL_ERROR for bytes that are no hello
     */
    static UcxHello decode(byte[] sealed, UcxWireup wireup) {
        ByteBuffer in = SealedBytes.open(MAGIC, sealed, "a hello");
        if (in.remaining() < FIXED_BYTES) {
            throw new TransferException(TransferErrorCode.PROTOCOL_ERROR, Stage.PREPARE, "a hello without token");
        }
        long token = in.getLong();
        LocalProcess process = LocalProcess.get(in);
        int length = Short.toUnsignedInt(in.getShort());
        if (length > in.remaining() || (length == 0) != (wireup == UcxWireup.SOCKET)) {
            throw new TransferException(
                    TransferErrorCode.PROTOCOL_ERROR,
                    Stage.PREPARE,
                    "a hello with a worker's address of " + length + " bytes");
        }
        byte[] worker = new byte[length];
        in.get(worker);
        return new UcxHello(token, process, worker);
    }

    /**
     * Refuses an address that libucp here would end the process over.
     *
     * @param own the address of a worker here
     * @throws TransferException INCOMPATIBLE_PEER for an address of another format
     */
    void requireFormatOf(byte[] own) {
        if (worker.length < 2 || (worker[0] & FORMAT_BITS) != (own[0] & FORMAT_BITS)) {
            throw new TransferException(
                    TransferErrorCode.INCOMPATIBLE_PEER,
                    Stage.PREPARE,
                    "the peer's libucp writes worker addresses of another format; run the same version of UCX on both"
                            + " sides, with the same UCX_ADDRESS_VERSION");
        }
    }
}
