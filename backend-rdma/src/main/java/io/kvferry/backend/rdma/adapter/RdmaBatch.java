package io.kvferry.backend.rdma.adapter;

import io.kvferry.spi.Operation;

/**
 * One-sided operations that are posted together and complete together. The adapter reads it from {@link
 * RdmaConnection#post} until it reports {@link RdmaEvents#applied} or {@link RdmaEvents#closed}, and the values do not
 * change in that time.
 *
 * <p><b>Threads:</b> read on the owner thread.
 *
 * @since 0.1.0
 */
public interface RdmaBatch {
    /**
     * Returns what all operations of the batch do.
     *
     * @return WRITE moves local bytes to the peer, READ the peer's bytes here
     */
    Operation operation();

    /**
     * Returns how many operations there are.
     *
     * @return from 1 to {@link RdmaAdapterInfo#maxOperations()}
     */
    int size();

    /**
     * Returns the registration of the local bytes.
     *
     * @param index the operation
     * @return a registration of the same adapter
     */
    RdmaMemory local(int index);

    /**
     * Returns where the local bytes are.
     *
     * @param index the operation
     * @return an address inside {@link #local}
     */
    long localAddress(int index);

    /**
     * Returns the key to the remote bytes.
     *
     * @param index the operation
     * @return a key of the same connection
     */
    RdmaRemoteKey remote(int index);

    /**
     * Returns where the remote bytes are.
     *
     * @param index the operation
     * @return an address in the peer's process
     */
    long remoteAddress(int index);

    /**
     * Returns how many bytes move.
     *
     * @param index the operation
     * @return from 1 to {@link RdmaAdapterInfo#maxOperationBytes()}
     */
    long length(int index);
}
