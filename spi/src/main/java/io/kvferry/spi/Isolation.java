package io.kvferry.spi;

/**
 * What a peer that breaks the rules could reach. Ordered from weakest to strongest.
 *
 * @since 0.1.0
 */
public enum Isolation {
    /** Any memory of the process. */
    NONE,
    /** Any memory of the registered region. */
    REGION,
    /** Only what its lease names. */
    LEASE
}
