package io.kvferry.backend.nccl;

import io.kvferry.spi.TransferErrorCode;

/** Codes that a peer sends as numbers. */
final class Refusals {
    private Refusals() {}

    /** The code, or TRANSFER_FAILED for a number that says nothing about why a transfer cannot go on. */
    static TransferErrorCode code(int number) {
        TransferErrorCode code = TransferErrorCode.ofNumber(number);
        return code == TransferErrorCode.OK || code == TransferErrorCode.UNRECOGNIZED
                ? TransferErrorCode.TRANSFER_FAILED
                : code;
    }
}
