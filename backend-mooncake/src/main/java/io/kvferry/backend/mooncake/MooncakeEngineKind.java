package io.kvferry.backend.mooncake;

/**
 * What speaks to Mooncake peers.
 *
 * @since 0.1.0
 */
public enum MooncakeEngineKind {
    /** Mooncake's TCP wire, in Java. */
    WIRE,
    /** Mooncake's own library, for its other transports. */
    NATIVE
}
