package io.kvferry.control.cluster;

import io.kvferry.control.cluster.wire.StoreProto;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.TransferErrorCode;
import java.util.Optional;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * Lets nodes in: writes their registration to the store under a lease, once it is known to fit to the others.
 *
 * <p><b>Threads:</b> Thread-safe; {@link #connect} waits for the store, without a lock.
 */
final class Registrar {
    private static final int MAX_ATTEMPTS = 8;

    private final ControllerContext context;
    private final ClusterStore store;
    private final Membership membership;
    private final int maxNodes;

    Registrar(ControllerContext context, ClusterStore store, Membership membership, int maxNodes) {
        this.context = context;
        this.store = store;
        this.membership = membership;
        this.maxNodes = maxNodes;
    }

    /** Registers a process, or finds it registered, and gives it a session. */
    NodeSession connect(NodeRegistration registration, NodeLink link, Deadline deadline) {
        String key = Membership.PREFIX + registration.identity().nodeId();
        for (int attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
            Optional<StoreEntry> current = store.get(key, deadline);
            Optional<NodeRegistration> known = current.flatMap(membership::decode);
            Member member;
            if (known.isPresent() && known.get().identity().equals(registration.identity())) {
                if (!known.get().equals(registration)) {
                    throw ControllerContext.error(
                            TransferErrorCode.INVALID_REQUEST,
                            registration.identity() + " registered before as " + known.get() + "; now as "
                                    + registration + "; start a new process (boot id) to change it");
                }
                member = membership.apply(current.get(), registration);
            } else {
                checkScheme(registration);
                checkRoom(registration);
                member = register(key, registration, current, deadline);
            }
            if (member != null) {
                NodeSession session = membership.attach(member, link);
                if (session != null) {
                    return session;
                }
            }
        }
        throw ControllerContext.error(
                TransferErrorCode.CONTROL_FAILED,
                "the registration of " + registration.identity() + " was replaced " + MAX_ATTEMPTS
                        + " times while it was written; do two nodes have the same id?");
    }

    private @Nullable Member register(
            String key, NodeRegistration registration, Optional<StoreEntry> current, Deadline deadline) {
        byte[] value = StoreProto.StoredNode.newBuilder()
                .setRegistration(WireEncoder.register(registration))
                .build()
                .toByteArray();
        long lease = store.grant(context.lease(), deadline);
        OptionalLong revision = store.replace(
                key, value, lease, current.map(StoreEntry::revision).orElse(0L), deadline);
        if (revision.isEmpty()) {
            store.revoke(lease, deadline);
            return null;
        }
        Member member = membership.apply(new StoreEntry(key, value, revision.getAsLong(), lease), registration);
        long replaced = current.map(StoreEntry::lease).orElse(ClusterStore.NO_LEASE);
        if (replaced != ClusterStore.NO_LEASE) {
            store.revoke(replaced, deadline);
        }
        return member;
    }

    /** Nodes of one scheme must agree on what it means. */
    private void checkScheme(NodeRegistration registration) {
        KeyScheme scheme = registration.scheme();
        for (Member other : membership.members()) {
            KeyScheme theirs = other.registration().scheme();
            if (theirs.name().equals(scheme.name())
                    && !theirs.equals(scheme)
                    && !other.id().equals(registration.identity().nodeId())) {
                throw ControllerContext.error(
                        TransferErrorCode.INCOMPATIBLE_PEER,
                        "key scheme " + scheme + " of "
                                + registration.identity().nodeId() + " is not " + theirs
                                + " of node " + other.id()
                                + "; give both the same chunk size (kvferry.kv.chunk-tokens) and key length, or name the scheme"
                                + " differently");
            }
        }
    }

    private void checkRoom(NodeRegistration registration) {
        if (membership.members().size() >= maxNodes
                && membership.member(registration.identity().nodeId()).isEmpty()) {
            throw ControllerContext.error(
                    TransferErrorCode.RESOURCE_EXHAUSTED,
                    "nodes=" + maxNodes + " = kvferry.controller.max-nodes are registered");
        }
    }
}
