package io.kvferry.backend.rdma.adapter.verbs;

/**
 * Numbers of {@code infiniband/verbs.h}: offsets in its structs on 64-bit Linux, and its constants. They are the public
 * ABI that libibverbs has kept since version 1.1, the same on x86-64 and aarch64.
 */
final class Abi {
    /** struct ibv_context: the functions that C calls inline, filled in by the device's provider. */
    static final long CONTEXT_BYTES = 328;

    static final long CONTEXT_POLL_CQ = 96;
    static final long CONTEXT_REQ_NOTIFY_CQ = 104;
    static final long CONTEXT_POST_SEND = 208;
    static final long CONTEXT_POST_RECV = 216;
    static final long CONTEXT_ASYNC_FD = 268;

    /** struct ibv_device_attr. */
    static final long DEVICE_ATTR_BYTES = 232;

    static final long DEVICE_ATTR_FIRMWARE = 0;
    static final int FIRMWARE_BYTES = 64;
    static final long DEVICE_ATTR_MAX_MR_SIZE = 80;
    static final long DEVICE_ATTR_MAX_QP = 108;
    static final long DEVICE_ATTR_MAX_QP_WR = 112;
    static final long DEVICE_ATTR_MAX_SGE = 120;
    static final long DEVICE_ATTR_MAX_QP_RD_ATOM = 144;
    static final long DEVICE_ATTR_MAX_QP_INIT_RD_ATOM = 156;

    /** struct ibv_port_attr, as far as the function of the first ABI fills it in. */
    static final long PORT_ATTR_BYTES = 52;

    static final long PORT_ATTR_STATE = 0;
    static final long PORT_ATTR_ACTIVE_MTU = 8;
    static final long PORT_ATTR_GIDS = 12;
    static final long PORT_ATTR_MAX_MESSAGE = 20;
    static final long PORT_ATTR_LID = 34;
    static final long PORT_ATTR_LINK_LAYER = 46;
    static final int PORT_ACTIVE = 4;
    static final int LINK_LAYER_ETHERNET = 2;

    static final int GID_BYTES = 16;

    /** struct ibv_mr. */
    static final long MR_BYTES = 48;

    static final long MR_LKEY = 36;
    static final long MR_RKEY = 40;

    static final int ACCESS_LOCAL_WRITE = 1;
    static final int ACCESS_REMOTE_WRITE = 2;
    static final int ACCESS_REMOTE_READ = 4;

    /** struct ibv_comp_channel. */
    static final long CHANNEL_BYTES = 16;

    static final long CHANNEL_FD = 8;

    /** struct ibv_qp_init_attr. */
    static final long QP_INIT_BYTES = 64;

    static final long QP_INIT_SEND_CQ = 8;
    static final long QP_INIT_RECV_CQ = 16;
    static final long QP_INIT_MAX_SEND_WR = 32;
    static final long QP_INIT_MAX_RECV_WR = 36;
    static final long QP_INIT_MAX_SEND_SGE = 40;
    static final long QP_INIT_MAX_RECV_SGE = 44;
    static final long QP_INIT_MAX_INLINE = 48;
    static final long QP_INIT_TYPE = 52;
    static final int TYPE_RELIABLE_CONNECTION = 2;

    /** struct ibv_qp. */
    static final long QP_BYTES = 160;

    static final long QP_NUMBER = 52;

    /** struct ibv_qp_attr. */
    static final long QP_ATTR_BYTES = 144;

    static final long QP_ATTR_STATE = 0;
    static final long QP_ATTR_PATH_MTU = 8;
    static final long QP_ATTR_RQ_PSN = 20;
    static final long QP_ATTR_SQ_PSN = 24;
    static final long QP_ATTR_DEST_QP = 28;
    static final long QP_ATTR_ACCESS = 32;
    static final long QP_ATTR_AH_DGID = 56;
    static final long QP_ATTR_AH_SGID_INDEX = 76;
    static final long QP_ATTR_AH_HOP_LIMIT = 77;
    static final long QP_ATTR_AH_TRAFFIC_CLASS = 78;
    static final long QP_ATTR_AH_DLID = 80;
    static final long QP_ATTR_AH_SL = 82;
    static final long QP_ATTR_AH_IS_GLOBAL = 85;
    static final long QP_ATTR_AH_PORT = 86;
    static final long QP_ATTR_PKEY_INDEX = 120;
    static final long QP_ATTR_MAX_RD_ATOMIC = 126;
    static final long QP_ATTR_MAX_DEST_RD_ATOMIC = 127;
    static final long QP_ATTR_MIN_RNR_TIMER = 128;
    static final long QP_ATTR_PORT = 129;
    static final long QP_ATTR_TIMEOUT = 130;
    static final long QP_ATTR_RETRIES = 131;
    static final long QP_ATTR_RNR_RETRIES = 132;

    static final int STATE_INIT = 1;
    static final int STATE_READY_TO_RECEIVE = 2;
    static final int STATE_READY_TO_SEND = 3;
    static final int STATE_ERROR = 6;

    static final int MASK_STATE = 1;
    static final int MASK_ACCESS = 1 << 3;
    static final int MASK_PKEY_INDEX = 1 << 4;
    static final int MASK_PORT = 1 << 5;
    static final int MASK_AH = 1 << 7;
    static final int MASK_PATH_MTU = 1 << 8;
    static final int MASK_TIMEOUT = 1 << 9;
    static final int MASK_RETRIES = 1 << 10;
    static final int MASK_RNR_RETRIES = 1 << 11;
    static final int MASK_RQ_PSN = 1 << 12;
    static final int MASK_MAX_RD_ATOMIC = 1 << 13;
    static final int MASK_MIN_RNR_TIMER = 1 << 15;
    static final int MASK_SQ_PSN = 1 << 16;
    static final int MASK_MAX_DEST_RD_ATOMIC = 1 << 17;
    static final int MASK_DEST_QP = 1 << 20;

    /** struct ibv_sge. */
    static final long SGE_BYTES = 16;

    static final long SGE_ADDRESS = 0;
    static final long SGE_LENGTH = 8;
    static final long SGE_LKEY = 12;

    /** struct ibv_send_wr; ibv_recv_wr begins with the same four fields. */
    static final long SEND_WR_BYTES = 128;

    static final long RECV_WR_BYTES = 32;
    static final long WR_ID = 0;
    static final long WR_NEXT = 8;
    static final long WR_SGES = 16;
    static final long WR_SGE_COUNT = 24;
    static final long WR_OPCODE = 28;
    static final long WR_FLAGS = 32;
    static final long WR_REMOTE_ADDRESS = 40;
    static final long WR_REMOTE_KEY = 48;

    static final int OPCODE_WRITE = 0;
    static final int OPCODE_SEND = 2;
    static final int OPCODE_READ = 4;
    static final int FLAG_SIGNALED = 2;
    static final int FLAG_INLINE = 8;

    /** struct ibv_wc. */
    static final long WC_BYTES = 48;

    static final long WC_ID = 0;
    static final long WC_STATUS = 8;
    static final long WC_VENDOR_ERROR = 16;
    static final long WC_BYTE_COUNT = 20;

    /** struct ibv_async_event. */
    static final long EVENT_BYTES = 16;

    static final long EVENT_ELEMENT = 0;
    static final long EVENT_TYPE = 8;

    private Abi() {}
}
