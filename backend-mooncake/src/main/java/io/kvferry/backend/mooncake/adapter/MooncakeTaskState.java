package io.kvferry.backend.mooncake.adapter;

/**
 * How a task of a batch is.
 *
 * @since 0.1.0
 */
public enum MooncakeTaskState {
    /** Waiting or under way: its memory may be touched. */
    UNDER_WAY,
    /** Done. */
    COMPLETED,
    /** Ended without success; the library gives no reason. */
    FAILED
}
