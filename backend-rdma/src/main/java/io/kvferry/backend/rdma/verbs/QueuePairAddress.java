package io.kvferry.backend.rdma.verbs;

import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.nio.ByteBuffer;

/**
 * What the peer must know to connect its queue pair to this one. Immutable. On the wire: version, packet size, local id,
 * number, first packet's sequence number, GID.
 *
 * @param number the queue pair's
 * @param firstPacket sequence number of the first packet it sends, random, so that a packet of an older pair of the same
 *     number is not taken for one of this
 * @param packetBytes as the enum of verbs has it
 * @param lid local id, on InfiniBand
 * @param gid sixteen bytes; belong to this object
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record QueuePairAddress(int number, int firstPacket, int packetBytes, int lid, byte[] gid) {
    static final int BYTES = 28;

    private static final byte VERSION = 1;
    private static final int MAX_24_BITS = (1 << 24) - 1;
    private static final int MAX_MTU = 5;

    byte[] encode() {
        return ByteBuffer.allocate(BYTES)
                .put(VERSION)
                .put((byte) packetBytes)
                .putShort((short) lid)
                .putInt(number)
                .putInt(firstPacket)
                .put(gid)
                .array();
    }

    /**
     * Reads what a peer sent.
     *
     * @throws TransferException PROTOCOL_ERROR for bytes that are no address, INCOMPATIBLE_PEER for another version
     */
    static QueuePairAddress decode(byte[] bytes) {
        if (bytes.length < BYTES) {
            throw protocolError("an address of " + bytes.length + " bytes, not " + BYTES);
        }
        ByteBuffer in = ByteBuffer.wrap(bytes);
        byte version = in.get();
        if (version != VERSION) {
            throw new TransferException(
                    TransferErrorCode.INCOMPATIBLE_PEER,
                    Stage.PREPARE,
                    "the peer's queue pair address is of version " + version + ", this node's of " + VERSION);
        }
        int mtu = in.get();
        int lid = Short.toUnsignedInt(in.getShort());
        int number = in.getInt();
        int firstPacket = in.getInt();
        byte[] gid = new byte[Abi.GID_BYTES];
        in.get(gid);
        if (mtu < 1 || mtu > MAX_MTU || !is24Bits(number) || !is24Bits(firstPacket)) {
            throw protocolError("no queue pair has number=" + number + " psn=" + firstPacket + " mtu=" + mtu);
        }
        return new QueuePairAddress(number, firstPacket, mtu, lid, gid);
    }

    private static boolean is24Bits(int value) {
        return value >= 0 && value <= MAX_24_BITS;
    }

    private static TransferException protocolError(String detail) {
        return new TransferException(TransferErrorCode.PROTOCOL_ERROR, Stage.PREPARE, detail);
    }
}
