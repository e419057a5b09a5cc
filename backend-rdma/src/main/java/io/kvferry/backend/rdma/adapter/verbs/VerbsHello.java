package io.kvferry.backend.rdma.adapter.verbs;

import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.nio.ByteBuffer;

/**
 * What the peer must know of a queue pair to connect its own to it. Immutable. On the wire, in this order and big-endian:
 * version, packet size, local id, number, first packet, GID, flush cell's address and key.
 *
 * @param number the queue pair's
 * @param firstPacket sequence number of the first packet it sends, random, so that a packet of an older pair of the same
 *     number is not taken for one of this
 * @param packetBytes as the enum of verbs has it
 * @param lid local id, on InfiniBand
 * @param gid sixteen bytes; belong to this object
 * @param flushAddress eight bytes that the peer may read: having read them, its writes before are in memory
 * @param flushKey the key to them
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record VerbsHello(int number, int firstPacket, int packetBytes, int lid, byte[] gid, long flushAddress, int flushKey) {
    static final int BYTES = 40;
    static final int MAX_24_BITS = (1 << 24) - 1;

    private static final byte VERSION = 1;
    private static final int MAX_MTU = 5;

    byte[] encode() {
        return ByteBuffer.allocate(BYTES)
                .put(VERSION)
                .put((byte) packetBytes)
                .putShort((short) lid)
                .putInt(number)
                .putInt(firstPacket)
                .put(gid)
                .putLong(flushAddress)
                .putInt(flushKey)
                .array();
    }

    /**
     * Reads what a peer sent.
     *
     * @throws TransferException PROTOCOL_ERROR for bytes that are no hello, INCOMPATIBLE_PEER for another version
     */
    static VerbsHello decode(byte[] bytes) {
        if (bytes.length == 0 || (bytes.length < BYTES && bytes[0] == VERSION)) {
            throw protocolError("a hello of " + bytes.length + " bytes, not " + BYTES);
        }
        ByteBuffer in = ByteBuffer.wrap(bytes);
        byte version = in.get();
        if (version != VERSION) {
            throw new TransferException(
                    TransferErrorCode.INCOMPATIBLE_PEER,
                    Stage.PREPARE,
                    "the peer's verbs hello is of version " + version + ", this node's of " + VERSION);
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
        return new VerbsHello(number, firstPacket, mtu, lid, gid, in.getLong(), in.getInt());
    }

    /** The peer's address, for a person. */
    String where() {
        return new Gid(-1, gid, "").address().getHostAddress();
    }

    private static boolean is24Bits(int value) {
        return value >= 0 && value <= MAX_24_BITS;
    }

    private static TransferException protocolError(String detail) {
        return new TransferException(TransferErrorCode.PROTOCOL_ERROR, Stage.PREPARE, detail);
    }
}
