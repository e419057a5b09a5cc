package io.kvferry.backend.mooncake;

/**
 * The values of {@code kvferry.mooncake.engine}.
 *
 * @since 0.1.0
 */
public enum MooncakeEngineKind {
    /** Mooncake's TCP wire in Java. */
    WIRE,
    /** The installed libtransfer_engine. */
    NATIVE
}
