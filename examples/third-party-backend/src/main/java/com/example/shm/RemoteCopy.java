package com.example.shm;

import io.kvferry.spi.Operation;
import io.kvferry.spi.TransferException;

/**
 * The narrow place between this backend and the system: everything above it is logic that tests can reach, everything below
 * is one call. Tests put one here that stops or fails.
 *
 * <p><b>Threads:</b> called by the worker of each backend, serially.
 */
@FunctionalInterface
interface RemoteCopy {
    /**
     * Copies between this process and another one. Blocks until the bytes are there.
     *
     * @param pid the other process
     * @param operation READ copies from there to here, WRITE from here to there
     * @param batch what to copy; both ends were checked
     * @return bytes copied from the start of the batch, at least 1; fewer than asked for where memory ends
     * @throws TransferException PEER_LOST if the process is gone, ACCESS_DENIED if the kernel does not allow it,
     *     TRANSFER_FAILED for everything else
     */
    long copy(int pid, Operation operation, CopyBatch batch);
}
