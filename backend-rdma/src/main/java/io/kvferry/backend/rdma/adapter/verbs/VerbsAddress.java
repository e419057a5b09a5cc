package io.kvferry.backend.rdma.adapter.verbs;

import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;

/**
 * Where an instance is, as its peers see it before they make a queue pair for it. Immutable. On the wire: version, kind of
 * network, GID.
 *
 * @param ethernet whether it is reached over Ethernet (RoCE) rather than InfiniBand
 * @param gid sixteen bytes; belong to this object
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record VerbsAddress(boolean ethernet, byte[] gid) {
    private static final byte VERSION = 1;
    private static final int BYTES = 2 + Abi.GID_BYTES;

    byte[] encode() {
        byte[] bytes = new byte[BYTES];
        bytes[0] = VERSION;
        bytes[1] = (byte) (ethernet ? 1 : 0);
        System.arraycopy(gid, 0, bytes, 2, gid.length);
        return bytes;
    }

    /**
     * Fails unless a peer at this address can be reached from here.
     *
     * @param bytes what the peer sent
     * @throws TransferException PROTOCOL_ERROR, or INCOMPATIBLE_PEER for another version or kind of network
     */
    void checkReaches(byte[] bytes) {
        if (bytes.length == 0 || (bytes.length < BYTES && bytes[0] == VERSION)) {
            throw refusal(
                    TransferErrorCode.PROTOCOL_ERROR, "a verbs address of " + bytes.length + " bytes, not " + BYTES);
        }
        if (bytes[0] != VERSION) {
            throw refusal(
                    TransferErrorCode.INCOMPATIBLE_PEER,
                    "the peer's verbs address is of version " + bytes[0] + ", this node's of " + VERSION);
        }
        boolean peerEthernet = bytes[1] != 0;
        if (peerEthernet != ethernet) {
            throw refusal(
                    TransferErrorCode.INCOMPATIBLE_PEER,
                    "the peer's RDMA device is on " + network(peerEthernet) + ", this node's on " + network(ethernet)
                            + "; choose one by " + VerbsConfigKeys.DEVICE.name());
        }
    }

    private static String network(boolean ethernet) {
        return ethernet ? "Ethernet" : "InfiniBand";
    }

    private static TransferException refusal(TransferErrorCode code, String detail) {
        return new TransferException(code, Stage.PREPARE, detail);
    }
}
