package io.kvferry.control.cluster;

import java.util.Objects;

/**
 * A node that holds the beginning of a chain. A hint: the chunks may be evicted before they are fetched.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param node the node as it registered; its boot id is that of the process that holds the chunks
 * @param chunks how many chunks from the first on it holds without a gap, at least one
 * @param tier the slowest tier among those chunks
 * @param loadPercent how busy it said it is, 0 to 100
 * @since 0.1.0
 */
public record Holder(NodeRegistration node, int chunks, Tier tier, int loadPercent) {
    /** Checks that nothing is missing. */
    public Holder {
        Objects.requireNonNull(node, "node");
        Objects.requireNonNull(tier, "tier");
    }
}
