package io.kvferry.backend.rdma.adapter.verbs;

import io.kvferry.backend.rdma.adapter.posix.Posix;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;

/** A function of libibverbs that failed. Never leaves this package: whoever called knows which code and stage it is. */
final class NativeFailure extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int errno;

    NativeFailure(String function, int errno) {
        super(function + ": " + Posix.describe(errno));
        this.errno = errno;
    }

    int errno() {
        return errno;
    }

    /** The same, as the contract has it: what is exhausted is RESOURCE_EXHAUSTED whatever the call was for. */
    TransferException as(TransferErrorCode otherwise, Stage stage, String advice) {
        TransferErrorCode code =
                errno == Posix.ENOMEM || errno == Posix.EAGAIN ? TransferErrorCode.RESOURCE_EXHAUSTED : otherwise;
        return new TransferException(code, stage, getMessage() + (advice.isEmpty() ? "" : "; " + advice), this);
    }
}
