package io.kvferry.engine;

/**
 * What happens to memory that a backend cannot move.
 *
 * @since 0.1.0
 */
public enum Staging {
    /** It is refused. */
    NONE,
    /** It is copied through memory that the backend can move: page-locked on the host, or the device's own. */
    PINNED
}
