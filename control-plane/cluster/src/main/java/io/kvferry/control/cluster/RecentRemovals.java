package io.kvferry.control.cluster;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * When nodes were removed from the store, so that a write that is told late makes no ghost. The oldest are forgotten first.
 *
 * <p><b>Threads:</b> Externally synchronized.
 */
final class RecentRemovals {
    private static final int MOST = 10_000;

    /** The store's revision by node id. */
    private final Map<String, Long> revisions = new LinkedHashMap<>() {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Long> eldest) {
            return size() > MOST;
        }
    };

    void add(String nodeId, long revision) {
        revisions.merge(nodeId, revision, Math::max);
    }

    /** Whether what was written at a revision was removed since. */
    boolean isAfter(String nodeId, long revision) {
        return revision < revisions.getOrDefault(nodeId, 0L);
    }
}
