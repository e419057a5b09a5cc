package io.kvferry.backend.nccl.adapter;

import io.kvferry.spi.TransferException;

/**
 * The part of NCCL that moving blocks between two processes needs: communicators that never block their caller, sends and
 * receives on a stream, abort.
 *
 * <p><b>Threads:</b> {@link #allocate} and {@link #free} may be called by any thread. All else by one platform thread per
 * device, for every communicator of that device, with the device current: NCCL is not thread-safe, and keeps group state in
 * the thread. <b>Failure:</b> {@link TransferException} with TRANSFER_FAILED and NCCL's own code in the detail, unless a
 * method says otherwise.
 *
 * @since 0.1.0
 */
public interface NcclAdapter {
    /** Bytes of a unique id. */
    int ID_BYTES = 128;

    /**
     * Makes the secret that two processes connect by. Starts a thread inside NCCL that ends once all ranks have called.
     *
     * @return {@link #ID_BYTES} bytes
     */
    byte[] newUniqueId();

    /**
     * Begins to make a communicator; {@link #state} tells when it is there.
     *
     * @param uniqueId the same on all ranks
     * @param ranks how many
     * @param rank which one this is
     * @param maxCtas most thread blocks a transfer may occupy on the device, or 0 for NCCL's own choice
     * @return the communicator, to be aborted whatever becomes of it
     * @throws TransferException CONNECTION_FAILED when it could not begin
     */
    long connect(byte[] uniqueId, int ranks, int rank, int maxCtas);

    /**
     * Tells what a communicator is doing.
     *
     * @param communicator the communicator
     * @return its state
     */
    CommState state(long communicator);

    /**
     * Returns what NCCL last said, for a person.
     *
     * @param communicator the communicator
     * @return the text, possibly empty
     */
    String lastError(long communicator);

    /** Begins a group: sends and receives up to {@link #endGroup} start together. */
    void beginGroup();

    /**
     * Adds a send to the group.
     *
     * @param communicator a communicator that is READY
     * @param address first byte, device memory
     * @param bytes how many, the same as the other side receives
     * @param peer the rank that receives
     * @param stream the stream
     */
    void send(long communicator, long address, long bytes, int peer, long stream);

    /**
     * Adds a receive to the group.
     *
     * @param communicator a communicator that is READY
     * @param address first byte, device memory
     * @param bytes how many, the same as the other side sends
     * @param peer the rank that sends
     * @param stream the stream
     */
    void receive(long communicator, long address, long bytes, int peer, long stream);

    /** Ends the group and starts it; the communicator may then be IN_PROGRESS, and the stream must not be used before. */
    void endGroup();

    /**
     * Ends a communicator, whatever it is doing; its work leaves its stream soon after. The communicator is gone.
     *
     * @param communicator the communicator
     */
    void abort(long communicator);

    /**
     * Lets a communicator move memory without copying it on the way, where NCCL can.
     *
     * @param communicator a communicator that is READY
     * @param address first byte, from {@link #allocate}
     * @param bytes how many
     * @return the registration
     */
    long register(long communicator, long address, long bytes);

    /**
     * Takes a registration back.
     *
     * @param communicator the communicator, not aborted
     * @param registration from {@link #register}
     */
    void deregister(long communicator, long registration);

    /**
     * Allocates memory of the current device that {@link #register} is good for.
     *
     * @param bytes at least 1
     * @return its address
     * @throws TransferException RESOURCE_EXHAUSTED when the device has no room
     */
    long allocate(long bytes);

    /**
     * Frees memory.
     *
     * @param address from {@link #allocate}
     */
    void free(long address);
}
