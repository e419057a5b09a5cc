package io.kvferry.backend.rdma.adapter;

import io.kvferry.spi.TransferErrorCode;

/**
 * What happens to one connection.
 *
 * <p><b>Threads:</b> called on the owner thread, from inside {@link RdmaAdapter#progress} alone; calls may be made back
 * into the adapter. Does not throw.
 *
 * @since 0.1.0
 */
public interface RdmaEvents {
    /**
     * The initiator's half can be used; or the target's half has been reached by its initiator, where the library sees
     * that. At most once.
     */
    void connected();

    /**
     * All operations of a batch are done. For a WRITE: all its bytes are in the target's memory, for which the adapter has
     * evidence of the target's device or process (a flush, a read behind the writes). In any order between batches.
     *
     * @param batch the one that was posted
     */
    void applied(RdmaBatch batch);

    /**
     * A message arrived.
     *
     * @param message at most {@link RdmaConnection#MAX_MESSAGE_BYTES}; not trusted; belongs to the receiver
     */
    void received(byte[] message);

    /**
     * The connection does not work any more. At most once; batches that have not been reported applied may be under way
     * until {@link #closed}. The backend answers with {@link RdmaConnection#close}.
     *
     * @param code PEER_LOST, CONNECTION_FAILED, ACCESS_DENIED, TRANSFER_FAILED
     * @param detail one line for a person, with what the library said
     */
    void failed(TransferErrorCode code, String detail);

    /** {@link RdmaConnection#close} is done: the last event, once. Nothing of this process is touched through it any more. */
    void closed();
}
