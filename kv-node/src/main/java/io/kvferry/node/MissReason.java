package io.kvferry.node;

/**
 * What stood in the way of a longer prefix.
 *
 * @since 0.1.0
 */
public enum MissReason {
    /** Nobody is known to hold the next chunk. */
    NOT_HELD,
    /** Nobody is known to hold the next chunk, and the controller does not know yet what every node holds. */
    INDEX_INCOMPLETE,
    /** No controller could be asked. */
    NO_CONTROLLER,
    /** Every node that holds the next chunk was tried, and failed. */
    HOLDERS_FAILED,
    /** The pool is full of chunks that are pinned or in use. */
    NO_ROOM,
    /** The deadline passed. */
    DEADLINE
}
