package io.kvferry.control.cluster;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * One process of a node, from its registration until it is gone.
 *
 * <p><b>Threads:</b> Thread-safe. State and session change with the membership's lock held; everybody reads them.
 */
final class Member {
    private final ControllerContext context;
    private final NodeRegistration registration;
    /** Of the store's entry. */
    private final long revision;

    private final long lease;
    private final MemberIndex index;

    private volatile NodeState state = NodeState.LIVE;
    private volatile long heardAtNanos;
    private volatile NodeStats stats = NodeStats.NONE;
    private volatile @Nullable NodeSession session;

    /**
     * Makes a member.
     *
     * @param whenSyncChanges called when it has told all it holds, or has to tell it again; short, without locks
     */
    Member(
            ControllerContext context,
            NodeRegistration registration,
            long revision,
            long lease,
            ChunkIndex chunkIndex,
            Runnable whenSyncChanges) {
        this.context = context;
        this.registration = registration;
        this.revision = revision;
        this.lease = lease;
        this.heardAtNanos = context.ticker().nanos();
        this.index = new MemberIndex(this, chunkIndex, context.counters(), whenSyncChanges);
    }

    String id() {
        return registration.identity().nodeId();
    }

    NodeRegistration registration() {
        return registration;
    }

    long revision() {
        return revision;
    }

    long lease() {
        return lease;
    }

    MemberIndex index() {
        return index;
    }

    NodeState state() {
        return state;
    }

    void state(NodeState changed) {
        state = changed;
    }

    NodeStats stats() {
        return stats;
    }

    void tell(NodeStats told) {
        stats = told;
    }

    void heard() {
        heardAtNanos = context.ticker().nanos();
    }

    Duration sinceHeard() {
        return Duration.ofNanos(Math.max(0, context.ticker().nanos() - heardAtNanos));
    }

    /** How many keepalives should have come since the last one. */
    int missedKeepAlives() {
        return (int) (Math.max(0, context.ticker().nanos() - heardAtNanos) / context.keepAliveNanos());
    }

    @Nullable
    NodeSession session() {
        return session;
    }

    void session(@Nullable NodeSession changed) {
        session = changed;
    }

    NodeView view() {
        Duration since = sinceHeard();
        Duration left = context.lease().minus(since);
        return new NodeView(
                registration,
                state,
                since,
                left.isNegative() ? Duration.ZERO : left,
                session != null,
                index.isSynced(),
                index.chunks(),
                stats);
    }
}
