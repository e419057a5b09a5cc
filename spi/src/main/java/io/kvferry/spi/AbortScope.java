package io.kvferry.spi;

/**
 * Whom the abort of one transfer takes down with it. Ordered from narrowest to widest.
 *
 * @since 0.1.0
 */
public enum AbortScope {
    /** Only itself. */
    TRANSFER,
    /** All transfers on its connection. */
    CONNECTION,
    /** All transfers with its peer. */
    PEER,
    /** All transfers of its device. */
    DEVICE
}
