package io.kvferry.node;

import io.kvferry.control.cluster.KeyScheme;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.PeerIdentity;

/**
 * What a node holds at one moment, and what has happened to it.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param identity this process
 * @param address where peers reach it
 * @param scheme how its chunk keys are made
 * @param layout what a chunk looks like
 * @param slots chunks that the pool has room for
 * @param freeSlots room with nothing in it
 * @param chunks chunks that are held
 * @param idleChunks chunks of those that would be evicted for others
 * @param pinnedChunks chunks of those that are pinned
 * @param usedBytes size of what is held
 * @param lentLeases requests of peers for chunks that are being served
 * @param evictions chunks that were evicted to make room
 * @param shortages times that there was less room than was needed
 * @param expiredPins pins that ended by themselves
 * @param counters what has happened
 * @since 0.1.0
 */
public record KvNodeStatus(
        PeerIdentity identity,
        PeerAddress address,
        KeyScheme scheme,
        KvLayout layout,
        int slots,
        int freeSlots,
        int chunks,
        int idleChunks,
        int pinnedChunks,
        long usedBytes,
        int lentLeases,
        long evictions,
        long shortages,
        long expiredPins,
        KvCounters counters) {}
