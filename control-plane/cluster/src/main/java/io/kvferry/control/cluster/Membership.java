package io.kvferry.control.cluster;

import com.google.protobuf.InvalidProtocolBufferException;
import io.kvferry.control.cluster.ControllerEvent.Kind;
import io.kvferry.control.cluster.wire.StoreProto;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Who is there. The store says who is a member; this class follows it, and adds what this controller hears itself: whether
 * a member is suspect, and its session.
 *
 * <p>Every controller that a node has a session with keeps its lease alive, so none of them is special.
 *
 * <p><b>Threads:</b> Thread-safe. {@link #deregister} waits for the store; links, listeners and the store
 * are called without the lock.
 */
final class Membership implements StoreListener {
    /** Prefix of the store's keys. */
    static final String PREFIX = "nodes/";

    private static final Logger LOG = LoggerFactory.getLogger(Membership.class);

    private final ControllerContext context;
    private final ClusterStore store;
    private final ChunkIndex chunks;
    private final MemberListener listener;

    private final Object lock = new Object();
    /** By node id. Changed with the lock held. */
    private final Map<String, Member> members = new ConcurrentHashMap<>();

    private final IndexCompleteness completeness = new IndexCompleteness();

    /** Guarded by lock. */
    private final RecentRemovals removals = new RecentRemovals();

    Membership(ControllerContext context, ClusterStore store, ChunkIndex chunks, MemberListener listener) {
        this.context = context;
        this.store = store;
        this.chunks = chunks;
        this.listener = listener;
    }

    ControllerContext context() {
        return context;
    }

    Collection<Member> members() {
        return members.values();
    }

    Optional<Member> member(String nodeId) {
        return Optional.ofNullable(members.get(nodeId));
    }

    /** Gives a member a session, and ends the one it had. Returns null if it is gone. */
    @Nullable
    NodeSession attach(Member member, NodeLink link) {
        NodeSession session = new NodeSession(this, member, link);
        NodeSession old;
        synchronized (lock) {
            if (member.state() == NodeState.GONE) {
                return null;
            }
            old = member.session();
            member.session(session);
            member.index().restart();
        }
        context.counters().increment(Counter.SESSIONS);
        if (old != null) {
            old.end(TransferErrorCode.CONTROL_FAILED, "the node has opened another session");
        }
        refresh(member);
        return session;
    }

    void attached(Member member) {
        listener.attached(member);
    }

    void detached(NodeSession session) {
        synchronized (lock) {
            if (session.member().session() == session) {
                session.member().session(null);
                session.member().index().restart();
            }
        }
    }

    void heard(Member member, NodeStats stats) {
        member.tell(stats);
        context.counters().increment(Counter.KEEP_ALIVES);
        refresh(member);
    }

    private void refresh(Member member) {
        member.heard();
        if (member.state() == NodeState.SUSPECT && change(member, NodeState.SUSPECT, NodeState.LIVE)) {
            context.events().publish(Kind.NODE_RECOVERED, member.id(), "");
        }
        store.renew(member.lease());
    }

    void synced(Member member) {
        context.events().publish(Kind.SYNC_FINISHED, member.id(), member.index().chunks() + " chunks");
    }

    void syncRequested(Member member, String reason) {
        LOG.warn(
                "the index of {} is wrong and is sent anew: {}",
                member.registration().identity(),
                reason);
        context.events().publish(Kind.SYNC_REQUESTED, member.id(), reason);
    }

    void deregister(Member member, Deadline deadline) {
        String key = PREFIX + member.id();
        boolean removed = store.remove(key, member.revision(), deadline);
        store.revoke(member.lease(), deadline);
        if (removed) {
            gone(member, "it said goodbye", TransferErrorCode.LEASE_ENDED);
        }
    }

    /** Looks who was not heard of for too long. */
    void reap() {
        for (Member member : members.values()) {
            if (member.state() == NodeState.LIVE
                    && member.sinceHeard().compareTo(context.suspectAfter()) >= 0
                    && change(member, NodeState.LIVE, NodeState.SUSPECT)) {
                context.events()
                        .publish(
                                Kind.NODE_SUSPECT,
                                member.id(),
                                "not heard of for " + member.sinceHeard().toMillis() + " ms");
            }
        }
    }

    private boolean change(Member member, NodeState from, NodeState to) {
        synchronized (lock) {
            if (member.state() != from) {
                return false;
            }
            member.state(to);
            completeness.changed();
            return true;
        }
    }

    @Override
    public void written(StoreEntry entry) {
        decode(entry).ifPresent(registration -> apply(entry, registration));
    }

    @Override
    public void removed(String key, long revision) {
        Member member;
        synchronized (lock) {
            String id = key.substring(PREFIX.length());
            removals.add(id, revision);
            member = members.get(id);
            if (member == null || member.revision() > revision) {
                return;
            }
        }
        gone(member, "its lease has ended", TransferErrorCode.LEASE_ENDED);
    }

    /** Makes an entry of the store a member. Returns null for one that is not there any more. */
    @Nullable
    Member apply(StoreEntry entry, NodeRegistration registration) {
        PeerIdentity identity = registration.identity();
        Member member;
        Member old;
        synchronized (lock) {
            old = members.get(identity.nodeId());
            if (old != null && old.revision() >= entry.revision()) {
                return old.revision() == entry.revision() ? old : null;
            }
            if (removals.isAfter(identity.nodeId(), entry.revision())) {
                return null;
            }
            member = new Member(context, registration, entry.revision(), entry.lease(), chunks, completeness::changed);
            members.put(identity.nodeId(), member);
            if (old != null) {
                old.state(NodeState.GONE);
            }
            completeness.changed();
        }
        if (old != null) {
            end(old, TransferErrorCode.PEER_RESTARTED, "a newer process of this node has registered: " + identity);
            context.events()
                    .publish(
                            Kind.NODE_REPLACED,
                            identity.nodeId(),
                            old.registration().identity() + " by " + identity);
        }
        context.events().registered(registration);
        return member;
    }

    private void gone(Member member, String why, TransferErrorCode code) {
        synchronized (lock) {
            if (member.state() == NodeState.GONE) {
                return;
            }
            member.state(NodeState.GONE);
            members.remove(member.id(), member);
            completeness.changed();
            chunks.retainSchemes(members.values().stream()
                    .map(other -> other.registration().scheme().name())
                    .collect(Collectors.toSet()));
        }
        end(member, code, why);
        context.counters().increment(Counter.NODES_GONE);
        context.events().publish(Kind.NODE_GONE, member.id(), why);
    }

    private void end(Member member, TransferErrorCode code, String why) {
        member.index().close();
        NodeSession session;
        synchronized (lock) {
            session = member.session();
            member.session(null);
        }
        if (session != null) {
            session.end(code, why);
        }
        listener.gone(member);
    }

    /** All sessions end; nobody is deregistered. */
    void close() {
        for (Member member : members.values()) {
            NodeSession session;
            synchronized (lock) {
                session = member.session();
                member.session(null);
            }
            if (session != null) {
                session.end(TransferErrorCode.SHUTTING_DOWN, "the controller closes");
            }
        }
    }

    Optional<NodeRegistration> decode(StoreEntry entry) {
        try {
            return Optional.of(WireDecoder.registration(
                    StoreProto.StoredNode.parseFrom(entry.value()).getRegistration()));
        } catch (InvalidProtocolBufferException | TransferException e) {
            context.counters().increment(Counter.STORE_ENTRIES_IGNORED);
            LOG.warn("ignored an entry of the store that is no node: {}", entry, e);
            return Optional.empty();
        }
    }

    List<NodeView> views() {
        return members.values().stream()
                .map(Member::view)
                .sorted(Comparator.comparing(
                        view -> view.registration().identity().nodeId()))
                .toList();
    }

    /** Whether every member that is there has told what it holds. */
    boolean allSynced() {
        return completeness.of(members.values());
    }

    Set<String> idsOf(String nodeOrInstance) {
        return members.values().stream()
                .filter(member -> member.id().equals(nodeOrInstance)
                        || member.registration().instance().equals(nodeOrInstance))
                .map(Member::id)
                .collect(Collectors.toSet());
    }
}
