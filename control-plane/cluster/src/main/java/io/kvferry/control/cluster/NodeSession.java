package io.kvferry.control.cluster;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.TransferErrorCode;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A registered node at this controller, for the front that it registered through.
 *
 * <p><b>Life cycle:</b> {@link Controller#connect} makes it. The front tells the node that it is registered and then calls
 * {@link #takeOrders}. The node's first act is a sync; then it sends batches, numbered from 1. A node has one session at a
 * time: a newer one ends this one, as does the end of its lease; the {@link NodeLink} is told. After that all calls here do
 * nothing.
 *
 * <p><b>Threads:</b> calls of one session are made one after the other. Only {@link #deregister} blocks.
 *
 * @since 0.1.0
 */
public final class NodeSession implements AutoCloseable {
    private final Membership membership;
    private final Member member;
    private final NodeLink link;

    NodeSession(Membership membership, Member member, NodeLink link) {
        this.membership = membership;
        this.member = member;
        this.link = link;
    }

    /**
     * Returns how long the node may be silent before it is gone.
     *
     * @return the time of its lease
     */
    public Duration lease() {
        return membership.context().lease();
    }

    /**
     * Returns how often the node must send a keepalive.
     *
     * @return a fifth of its lease
     */
    public Duration keepAliveInterval() {
        return membership.context().keepAliveInterval();
    }

    /**
     * Returns which process registered.
     *
     * @return its identity
     */
    public PeerIdentity identity() {
        return member.registration().identity();
    }

    /**
     * Returns the length of the node's keys.
     *
     * @return 1 to 32
     */
    public int keyBytes() {
        return member.index().keyBytes();
    }

    /** From now on orders come through the link, those that waited for the node first. */
    public void takeOrders() {
        if (isCurrent()) {
            membership.attached(member);
        }
    }

    /**
     * Keeps the lease alive.
     *
     * @param stats what the node says of itself
     * @return false if this session has ended
     */
    public boolean keepAlive(NodeStats stats) {
        if (!isCurrent()) {
            return false;
        }
        membership.heard(member, stats);
        return true;
    }

    /** Begins to hear all that the node holds. What was known stays visible until it is complete. */
    public void beginSync() {
        if (isCurrent()) {
            member.index().beginSync();
        }
    }

    /**
     * Hears a part of all that the node holds.
     *
     * @param tier where it holds them
     * @param keys the chunks
     * @throws io.kvferry.spi.TransferException PROTOCOL_ERROR if no sync was begun
     */
    public void addToSync(Tier tier, ChunkKeys keys) {
        if (isCurrent()) {
            member.index().addToSync(tier, keys);
        }
    }

    /**
     * Puts what was sent in the place of what was known; the next batch is number 1. If the digest differs the link is asked
     * for another sync.
     *
     * @param digest of all that was sent; empty when the node keeps none
     * @return true if it is in the index now
     * @throws io.kvferry.spi.TransferException PROTOCOL_ERROR if no sync was begun
     */
    public boolean finishSync(Optional<IndexDigest> digest) {
        if (!isCurrent() || !appliedOrSync(member.index().finishSync(digest))) {
            return false;
        }
        membership.synced(member);
        return true;
    }

    /**
     * Applies a change. If it is not the next one, or the digest differs after it, the link is asked for a sync, and batches
     * are ignored until then.
     *
     * @param batch the change
     * @return true if it is in the index now
     */
    public boolean apply(ChunkBatch batch) {
        return isCurrent()
                && appliedOrSync(member.index().apply(batch))
                && member.index().isSynced();
    }

    private boolean appliedOrSync(@Nullable String problem) {
        if (problem == null) {
            return true;
        }
        membership.syncRequested(member, problem);
        link.requestSync(problem);
        return false;
    }

    /**
     * Ends the node's membership: it wants to go. It is gone when this returns.
     *
     * @param deadline until when to wait for the store
     */
    public void deregister(Deadline deadline) {
        if (isCurrent()) {
            membership.deregister(member, deadline);
        }
    }

    /** The front has lost the node. Its lease goes on until it runs out, or the node comes back. */
    @Override
    public void close() {
        membership.detached(this);
    }

    NodeLink link() {
        return link;
    }

    Member member() {
        return member;
    }

    void end(TransferErrorCode code, String detail) {
        link.end(code, detail);
    }

    private boolean isCurrent() {
        return member.session() == this;
    }
}
