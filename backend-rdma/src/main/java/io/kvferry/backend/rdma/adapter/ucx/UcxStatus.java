package io.kvferry.backend.rdma.adapter.ucx;

import io.kvferry.spi.TransferErrorCode;
import org.openucx.jucx.UcxException;

/** What UCX's status numbers mean here. */
final class UcxStatus {
    static final int OK = 0;
    static final int UNREACHABLE = -6;
    static final int BUSY = -15;
    static final int REJECTED = -23;
    static final int CONNECTION_RESET = -25;

    private UcxStatus() {}

    static TransferErrorCode code(int status) {
        return switch (status) {
            case -3, -24, CONNECTION_RESET, -80 -> TransferErrorCode.PEER_LOST;
            case UNREACHABLE, -20, REJECTED -> TransferErrorCode.CONNECTION_FAILED;
            case -2, -4, -27 -> TransferErrorCode.RESOURCE_EXHAUSTED;
            case -8, -22 -> TransferErrorCode.UNSUPPORTED;
            default -> TransferErrorCode.TRANSFER_FAILED;
        };
    }

    static String detail(String doing, UcxException thrown) {
        return detail(doing, thrown.getStatus(), String.valueOf(thrown.getMessage()));
    }

    static String detail(String doing, int status, String message) {
        return doing + " failed: UCX status " + status + ", " + message;
    }
}
