package io.kvferry.spi;

/**
 * Whether blocks carry a checksum that is compared where they arrive.
 *
 * @since 0.1.0
 */
public enum ChecksumMode {
    /** As the backend thinks best: on where the fabric does not check, off where it does. */
    AUTO,
    /** Always; a backend without {@link Capability#CHECKSUM} refuses. */
    ON,
    /** Never. */
    OFF
}
