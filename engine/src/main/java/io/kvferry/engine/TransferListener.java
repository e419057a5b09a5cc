package io.kvferry.engine;

import io.kvferry.spi.BlockRange;
import io.kvferry.spi.TransferId;

/**
 * Hears what becomes of transfers and leases.
 *
 * <p><b>Threads:</b> called on the engine's executor, serially per transfer. A listener may take its time, but a blocking
 * call of the engine from it is refused with INVALID_REQUEST. What it throws is logged and goes no further.
 *
 * @since 0.1.0
 */
public interface TransferListener {
    /**
     * Some blocks are applied and may be used. Neighbouring ranges may be reported as one. A lease whose transfer is tried
     * again reports its blocks again.
     *
     * @param id the transfer
     * @param blocks positions in the block list of the request or the lease
     */
    default void applied(TransferId id, BlockRange blocks) {}

    /**
     * The transfer, or the lease, has ended; the last call, and made exactly once, also for a transfer whose prepare failed.
     * An attempt of a peer that leaves its lease open is not reported here: its Flight Recorder event is.
     *
     * @param report everything about it
     */
    default void ended(TransferReport report) {}
}
