package io.kvferry.control.cluster;

/**
 * What a controller thinks of a node.
 *
 * @since 0.1.0
 */
public enum NodeState {
    /** It keeps its lease alive. */
    LIVE,
    /** Nothing was heard of it for half its lease; look-ups skip it. */
    SUSPECT,
    /** Its lease has ended, it said goodbye or it was replaced; its chunks are no more in the index. */
    GONE
}
