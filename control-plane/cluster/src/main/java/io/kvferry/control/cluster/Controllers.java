package io.kvferry.control.cluster;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.TransferException;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which controllers share the store, so that the orders of one that is lost are taken over.
 *
 * <p><b>Threads:</b> Thread-safe; {@link #register} waits for the store.
 */
final class Controllers implements StoreListener {
    /** Prefix of the store's keys. */
    static final String PREFIX = "controllers/";

    private static final Logger LOG = LoggerFactory.getLogger(Controllers.class);

    private final ControllerContext context;
    private final ClusterStore store;
    private final Runnable whenOneIsLost;
    /** Their keys in the store. */
    private final Set<String> there = ConcurrentHashMap.newKeySet();

    private volatile long lease;
    private volatile long revision;

    Controllers(ControllerContext context, ClusterStore store, Runnable whenOneIsLost) {
        this.context = context;
        this.store = store;
        this.whenOneIsLost = whenOneIsLost;
    }

    /** Tells the others that this one is there. */
    void register(Deadline deadline) {
        lease = store.grant(context.lease(), deadline);
        OptionalLong written = store.replace(PREFIX + context.id(), new byte[0], lease, 0, deadline);
        revision = written.orElse(revision);
    }

    /** Tells that it is still there. */
    void renew() {
        store.renew(lease);
    }

    /** Says goodbye: the others need not wait for the lease. */
    void deregister(Deadline deadline) {
        try {
            store.remove(PREFIX + context.id(), revision, deadline);
            store.revoke(lease, deadline);
        } catch (TransferException e) {
            LOG.warn("the other controllers learn of the end of this one when its lease ends: {}", e.getMessage());
        }
    }

    /** Whether this controller's own entry is in the store. */
    boolean isRegistered() {
        return there.contains(PREFIX + context.id());
    }

    boolean isThere(String id) {
        return id.equals(context.id()) || there.contains(PREFIX + id);
    }

    List<String> ids() {
        return there.stream()
                .map(key -> key.substring(PREFIX.length()))
                .sorted()
                .toList();
    }

    @Override
    public void written(StoreEntry entry) {
        there.add(entry.key());
    }

    @Override
    public void removed(String key, long removal) {
        there.remove(key);
        whenOneIsLost.run();
    }
}
