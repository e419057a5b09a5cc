package io.kvferry.spi;

/**
 * Where something happened. Independent of which side computes and which generates.
 *
 * @since 0.1.0
 */
public enum Side {
    /** The side that calls prepare and submit. */
    INITIATOR,
    /** The side whose memory is offered. */
    TARGET
}
