package io.kvferry.spi;

/**
 * Whether one side's data plane can still touch this side's memory. Each side proves only its own.
 *
 * @since 0.1.0
 */
public enum Quiescence {
    /** Proved: nothing will touch it again, whatever the peer does. */
    QUIESCENT,
    /** Not proved: the memory stays locked, counted and visible until it is. */
    QUARANTINED
}
