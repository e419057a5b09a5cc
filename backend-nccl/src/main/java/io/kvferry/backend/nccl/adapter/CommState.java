package io.kvferry.backend.nccl.adapter;

/**
 * What a communicator is doing.
 *
 * @since 0.1.0
 */
public enum CommState {
    /** The last call has succeeded; another may follow. */
    READY,
    /** The last call is still at work; nothing else may be called but to ask again or to abort. */
    IN_PROGRESS,
    /** It has failed for good; it can only be aborted. */
    FAILED
}
