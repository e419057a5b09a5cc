package io.kvferry.backend.rdma.adapter.ucx;

/**
 * How two halves of a connection find each other; both sides use the same.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @since 0.1.0
 */
public enum UcxWireup {
    /** By the addresses of their workers, which travel over peer control: nobody else learns them, and nothing listens. */
    ADDRESS,

    /**
     * By a listener of the device's connection manager (rdma_cm), for devices on which UCX cannot do without. Where
     * {@link UcxConfigKeys#TRANSPORTS} is tcp alone it is TCP's, which ends the process over bytes that are not UCX's.
     */
    SOCKET
}
