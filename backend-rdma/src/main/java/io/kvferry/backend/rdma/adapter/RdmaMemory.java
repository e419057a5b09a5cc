package io.kvferry.backend.rdma.adapter;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import io.kvferry.spi.TransferException;

/**
 * A region that one adapter has registered.
 *
 * <p><b>Threads:</b> Thread-safe. <b>Ownership:</b> owns the registration, never the memory.
 *
 * @since 0.1.0
 */
public interface RdmaMemory {
    /**
     * Returns what was registered.
     *
     * @return the region
     */
    MemoryRegion region();

    /**
     * Lets peers reach a part of the region. Where {@link RdmaAdapterInfo#isolation()} is below LEASE the grant opens more
     * than was asked for: the same one each time.
     *
     * @param offset first byte, inside the region
     * @param length bytes
     * @param operation what the peer will do there
     * @return the grant, to be revoked
     * @throws TransferException RESOURCE_EXHAUSTED when the device has no more keys
     */
    RdmaGrant grant(long offset, long length, Operation operation);

    /**
     * Takes the registration back. Idempotent. All grants are revoked, and no batch uses it any more.
     *
     * @param deadline until when it may wait
     * @throws TransferException DEADLINE_EXCEEDED if the library did not answer in time
     */
    void deregister(Deadline deadline);
}
