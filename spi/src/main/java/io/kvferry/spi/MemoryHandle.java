package io.kvferry.spi;

/**
 * A region as one backend knows it: registered, and usable in plans until deregistered.
 *
 * <p>The engine registers a region once per backend and counts its users itself: a backend is never asked to register a
 * region that is registered, and never to deregister one that a transfer, finished or quarantined, still holds.
 *
 * <p><b>Threads:</b> Thread-safe. <b>Ownership:</b> the handle owns the registration, never the memory.
 *
 * @since 0.1.0
 */
public interface MemoryHandle {
    /**
     * Returns the registered region.
     *
     * @return the region given to {@link TransferBackend#register}
     */
    MemoryRegion region();

    /**
     * Takes the registration back. Idempotent.
     *
     * @param deadline until when it may wait
     * @throws TransferException DEADLINE_EXCEEDED if the library did not answer in time; the memory then stays mapped
     */
    void deregister(Deadline deadline);
}
