package io.kvferry.spi;

import java.util.Objects;
import java.util.regex.Pattern;

/**
 * Which process a peer is: a node that restarts keeps its name and changes its boot id (R13).
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param nodeId the node's name, 1 to 128 printable ASCII characters without spaces
 * @param bootId random per process start
 * @since 0.1.0
 */
public record PeerIdentity(String nodeId, long bootId) {
    private static final Pattern NODE_ID = Pattern.compile("[!-~]{1,128}");

    /**
     * Checks the name.
     *
     * @throws IllegalArgumentException if the name is empty, longer than 128 or not printable ASCII
     */
    public PeerIdentity {
        Objects.requireNonNull(nodeId, "nodeId");
        if (!NODE_ID.matcher(nodeId).matches()) {
            throw new IllegalArgumentException("a node id has 1 to 128 printable ASCII characters without spaces");
        }
    }

    @Override
    public String toString() {
        return nodeId + "#" + Long.toHexString(bootId);
    }
}
