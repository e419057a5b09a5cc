package io.kvferry.spi;

import java.util.concurrent.CompletableFuture;

/**
 * Copies between host memory and device memory, for a backend that can only move host memory. Implemented by a backend
 * that knows the device.
 *
 * <p><b>Threads:</b> Thread-safe. <b>Ownership:</b> what {@code allocate} returns belongs to the caller until it is passed
 * to {@code free}.
 *
 * @since 0.1.0
 */
public interface DeviceMemory {
    /**
     * Returns the kind of memory this port copies.
     *
     * @return the kind, never HOST
     */
    MemoryKind kind();

    /**
     * Returns the device that this port serves.
     *
     * @return the ordinal, from 0
     */
    int device();

    /**
     * Allocates device memory.
     *
     * @param device the ordinal, from 0
     * @param sizeBytes at least 1
     * @return the region
     * @throws TransferException RESOURCE_EXHAUSTED when the device has no room, INVALID_REQUEST for no such device
     */
    MemoryRegion allocate(int device, long sizeBytes);

    /**
     * Allocates host memory that the device can copy from and to at full speed (page-locked).
     *
     * @param sizeBytes at least 1
     * @return the region
     * @throws TransferException RESOURCE_EXHAUSTED when it cannot be locked
     */
    MemoryRegion allocatePinned(long sizeBytes);

    /**
     * Gives memory back that this port allocated. Idempotent.
     *
     * @param region what an allocate method returned
     */
    void free(MemoryRegion region);

    /**
     * Copies bytes, one region of the two being device memory, and returns when they have arrived.
     *
     * @param source from
     * @param sourceOffset bytes
     * @param destination to
     * @param destinationOffset bytes
     * @param lengthBytes how many, at least 1
     * @param deadline until when it may wait
     * @throws TransferException DEADLINE_EXCEEDED, or CANCELLED when interrupted, with the copy possibly still running until
     *     {@link #barrier}; TRANSFER_FAILED with the device's code
     */
    void copy(
            MemoryRegion source,
            long sourceOffset,
            MemoryRegion destination,
            long destinationOffset,
            long lengthBytes,
            Deadline deadline);

    /**
     * Tells when all copies that were asked for before have ended, those included whose callers left at their deadline. Does
     * not block.
     *
     * @return completes then, on any thread; fails where that cannot be known, and their memory must be left alone
     */
    CompletableFuture<Void> barrier();
}
