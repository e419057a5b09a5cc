package io.kvferry.spi;

/**
 * The step in which an error arose.
 *
 * @since 0.1.0
 */
public enum Stage {
    /** Configuration, discovery and opening of backends. */
    OPEN,
    /** Registration of memory. */
    REGISTER,
    /** Making a lease. */
    OFFER,
    /** Meeting the peer: versions, backends, identity. */
    HELLO,
    /** Everything that can fail before a byte moves. */
    PREPARE,
    /** Starting the I/O of blocks. */
    SUBMIT,
    /** Bytes in flight. */
    TRANSFER,
    /** Ending: drain, acknowledge, release. */
    FINISH,
    /** Closing an engine or a backend. */
    CLOSE
}
