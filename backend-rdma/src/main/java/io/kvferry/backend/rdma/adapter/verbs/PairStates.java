package io.kvferry.backend.rdma.adapter.verbs;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Takes a queue pair from state to state: from new to connected, and from any to dead. Immutable.
 *
 * @param pair struct ibv_qp
 */
record PairStates(VerbsDevice device, QueuePairSettings settings, MemorySegment pair) {
    void connect(VerbsHello peer, Gid gid, int firstPacket) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment attr = arena.allocate(Abi.QP_ATTR_BYTES, 8);
            attr.set(JAVA_BYTE, Abi.QP_ATTR_PORT, (byte) device.port());
            attr.set(JAVA_INT, Abi.QP_ATTR_ACCESS, Abi.ACCESS_REMOTE_WRITE | Abi.ACCESS_REMOTE_READ);
            modify(attr, Abi.STATE_INIT, Abi.MASK_PKEY_INDEX | Abi.MASK_PORT | Abi.MASK_ACCESS);
            fillPath(attr, peer, gid);
            attr.set(JAVA_INT, Abi.QP_ATTR_PATH_MTU, Math.min(device.portState().mtu(), peer.packetBytes()));
            attr.set(JAVA_INT, Abi.QP_ATTR_DEST_QP, peer.number());
            attr.set(JAVA_INT, Abi.QP_ATTR_RQ_PSN, peer.firstPacket());
            attr.set(JAVA_BYTE, Abi.QP_ATTR_MAX_DEST_RD_ATOMIC, (byte) settings.reads());
            attr.set(JAVA_BYTE, Abi.QP_ATTR_MIN_RNR_TIMER, (byte) QueuePairSettings.MIN_RNR_TIMER);
            modify(
                    attr,
                    Abi.STATE_READY_TO_RECEIVE,
                    Abi.MASK_AH
                            | Abi.MASK_PATH_MTU
                            | Abi.MASK_DEST_QP
                            | Abi.MASK_RQ_PSN
                            | Abi.MASK_MAX_DEST_RD_ATOMIC
                            | Abi.MASK_MIN_RNR_TIMER);
            attr.set(JAVA_INT, Abi.QP_ATTR_SQ_PSN, firstPacket);
            attr.set(JAVA_BYTE, Abi.QP_ATTR_TIMEOUT, (byte) settings.ackTimeout());
            attr.set(JAVA_BYTE, Abi.QP_ATTR_RETRIES, (byte) settings.retries());
            attr.set(JAVA_BYTE, Abi.QP_ATTR_RNR_RETRIES, (byte) QueuePairSettings.RNR_RETRIES);
            attr.set(JAVA_BYTE, Abi.QP_ATTR_MAX_RD_ATOMIC, (byte) settings.reads());
            modify(
                    attr,
                    Abi.STATE_READY_TO_SEND,
                    Abi.MASK_SQ_PSN
                            | Abi.MASK_TIMEOUT
                            | Abi.MASK_RETRIES
                            | Abi.MASK_RNR_RETRIES
                            | Abi.MASK_MAX_RD_ATOMIC);
        }
    }

    private void fillPath(MemorySegment attr, VerbsHello peer, Gid gid) {
        boolean ethernet = device.portState().ethernet();
        attr.set(JAVA_BYTE, Abi.QP_ATTR_AH_PORT, (byte) device.port());
        attr.set(JAVA_BYTE, Abi.QP_ATTR_AH_SL, (byte) settings.serviceLevel());
        attr.set(JAVA_SHORT, Abi.QP_ATTR_AH_DLID, (short) peer.lid());
        // on InfiniBand the local id leads to peers of the same subnet, which is where all peers are
        attr.set(JAVA_BYTE, Abi.QP_ATTR_AH_IS_GLOBAL, (byte) (ethernet ? 1 : 0));
        MemorySegment.copy(peer.gid(), 0, attr, JAVA_BYTE, Abi.QP_ATTR_AH_DGID, Abi.GID_BYTES);
        attr.set(JAVA_BYTE, Abi.QP_ATTR_AH_SGID_INDEX, (byte) gid.index());
        attr.set(JAVA_BYTE, Abi.QP_ATTR_AH_HOP_LIMIT, (byte) QueuePairSettings.HOP_LIMIT);
        attr.set(JAVA_BYTE, Abi.QP_ATTR_AH_TRAFFIC_CLASS, (byte) settings.trafficClass());
    }

    private void modify(MemorySegment attr, int state, int mask) {
        attr.set(JAVA_INT, Abi.QP_ATTR_STATE, state);
        device.verbs().modifyQp.call("to state " + state, pair, attr, mask | Abi.MASK_STATE);
    }

    void kill() {
        try (Arena arena = Arena.ofConfined()) {
            modify(arena.allocate(Abi.QP_ATTR_BYTES, 8), Abi.STATE_ERROR, 0);
        }
    }
}
