package io.kvferry.node;

/**
 * What is in a {@link ChunkStore}, at one moment.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param slots slots in all
 * @param free slots with nothing in them
 * @param stored chunks held
 * @param idle chunks of those that may be evicted
 * @param pinned chunks of those that are pinned
 * @param evictions chunks evicted to make room since the start
 * @param shortages times that there was less room than needed
 * @param expiredPins pins that ended by themselves
 */
record ChunkCounts(
        int slots, int free, int stored, int idle, int pinned, long evictions, long shortages, long expiredPins) {}
