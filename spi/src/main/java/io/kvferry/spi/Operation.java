package io.kvferry.spi;

/**
 * The direction of a transfer, named from the initiator. Also what a lease allows.
 *
 * @since 0.1.0
 */
public enum Operation {
    /** The initiator's bytes go into the target's memory. The target consumes them. */
    WRITE,
    /** The target's bytes come into the initiator's memory. The initiator consumes them. */
    READ
}
