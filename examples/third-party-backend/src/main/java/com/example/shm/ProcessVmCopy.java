package com.example.shm;

import io.kvferry.spi.Operation;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;

/** The real one: {@code process_vm_readv(2)} and {@code process_vm_writev(2)}. Thread-safe. */
final class ProcessVmCopy implements RemoteCopy {
    @Override
    public long copy(int pid, Operation operation, CopyBatch batch) {
        long moved = operation == Operation.READ ? Libc.readFrom(pid, batch) : Libc.writeTo(pid, batch);
        if (moved <= 0) {
            throw failure(
                    "copying " + batch.bytes() + " bytes " + (operation == Operation.READ ? "from" : "to") + " process "
                            + pid,
                    (int) -moved);
        }
        return moved;
    }

    /** The only place where a number of the kernel becomes a code of the contract. */
    private static TransferException failure(String what, int errno) {
        return switch (errno) {
            case Libc.ESRCH -> new TransferException(
                    TransferErrorCode.PEER_LOST, Stage.TRANSFER, what + " failed: it has ended");
            case Libc.EPERM -> new TransferException(
                    TransferErrorCode.ACCESS_DENIED,
                    Stage.TRANSFER,
                    what + " is not permitted: run both as one user, with kernel.yama.ptrace_scope = 0");
            default -> new TransferException(
                    TransferErrorCode.TRANSFER_FAILED, Stage.TRANSFER, what + " failed with errno " + errno);
        };
    }
}
