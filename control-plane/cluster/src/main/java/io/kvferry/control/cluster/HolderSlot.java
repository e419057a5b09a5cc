package io.kvferry.control.cluster;

import org.jspecify.annotations.Nullable;

/**
 * The chunks of one node in an index. A node that restarts or syncs anew gets a new slot; the old one is dead from that
 * moment on, and what it held is swept out later.
 *
 * <p><b>Threads:</b> {@link #isVisible} and what describes the holder may be read by any thread; the digest is guarded by
 * this slot's monitor, which whoever changes what it holds has, too.
 */
final class HolderSlot {
    /** Position in {@link HolderSlots}, and the number by which chunks name this slot. */
    final int number;

    /** Who holds the chunks; null for a node's own account of what it holds. */
    final @Nullable Member member;

    /** Guarded by this. */
    private IndexDigest digest = IndexDigest.EMPTY;

    /** Set with this slot's monitor held, so that nothing is added to a dead one; the sweep reads it without. */
    private volatile boolean dead;

    /** Whether look-ups see it: not while its node syncs, and not when it is dead. */
    private volatile boolean published;

    HolderSlot(int number, @Nullable Member member) {
        this.number = number;
        this.member = member;
    }

    synchronized IndexDigest digest() {
        return digest;
    }

    void digest(IndexDigest changed) {
        digest = changed;
    }

    boolean isDead() {
        return dead;
    }

    void publish() {
        published = true;
    }

    boolean isPublished() {
        return published;
    }

    synchronized void kill() {
        published = false;
        dead = true;
    }

    /** Tells whether its chunks can be fetched now, as far as known. */
    boolean isVisible() {
        return published && (member == null || member.state() == NodeState.LIVE);
    }
}
