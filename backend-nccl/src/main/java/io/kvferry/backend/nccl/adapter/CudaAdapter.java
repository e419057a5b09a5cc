package io.kvferry.backend.nccl.adapter;

import io.kvferry.spi.TransferException;

/**
 * The part of the CUDA runtime that moving blocks needs. Addresses, streams and events are numbers; none of the calls waits
 * for a device, except to free.
 *
 * <p><b>Threads:</b> Thread-safe; the current device belongs to the calling platform thread. <b>Failure:</b> {@link
 * TransferException} with TRANSFER_FAILED and CUDA's own code in the detail, unless a method says otherwise.
 *
 * @since 0.1.0
 */
public interface CudaAdapter {
    /**
     * Makes a device the current one of this thread.
     *
     * @param device the ordinal, from 0
     */
    void use(int device);

    /**
     * Tells what an address is.
     *
     * @param address the address
     * @return the device whose memory it is, or -1 for anything else
     */
    int deviceOf(long address);

    /**
     * Allocates memory of the current device.
     *
     * @param bytes at least 1
     * @return its address
     * @throws TransferException RESOURCE_EXHAUSTED when the device has no room
     */
    long allocate(long bytes);

    /**
     * Frees device memory. May wait for all work of the device.
     *
     * @param address from {@link #allocate}
     */
    void free(long address);

    /**
     * Allocates page-locked host memory.
     *
     * @param bytes at least 1
     * @return its address
     * @throws TransferException RESOURCE_EXHAUSTED when it cannot be locked
     */
    long allocatePinned(long bytes);

    /**
     * Frees page-locked host memory. May wait for all work of the device.
     *
     * @param address from {@link #allocatePinned}
     */
    void freePinned(long address);

    /**
     * Makes a stream of the current device that does not wait for the default stream.
     *
     * @return the stream
     */
    long createStream();

    /**
     * Gives a stream back; what is queued on it still runs.
     *
     * @param stream the stream
     */
    void destroyStream(long stream);

    /**
     * Tells whether a stream has nothing to do.
     *
     * @param stream the stream
     * @return false while work is queued or runs
     */
    boolean isIdle(long stream);

    /**
     * Makes an event.
     *
     * @return the event
     */
    long createEvent();

    /**
     * Gives an event back.
     *
     * @param event the event
     */
    void destroyEvent(long event);

    /**
     * Makes an event happen when all that is queued on a stream now is done.
     *
     * @param event the event
     * @param stream the stream
     */
    void record(long event, long stream);

    /**
     * Tells whether a recorded event has happened.
     *
     * @param event the event
     * @return false while what it was recorded behind still runs
     */
    boolean hasHappened(long event);

    /**
     * Queues a copy between any two of host and device memory.
     *
     * @param destination where the bytes go
     * @param source where they are
     * @param bytes at least 1
     * @param stream the stream
     */
    void copy(long destination, long source, long bytes, long stream);
}
