package io.kvferry.backend.rdma.adapter;

import io.kvferry.spi.Isolation;

/**
 * What an opened library is.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param provider the value of {@code kvferry.rdma.provider}
 * @param description one line for a person: versions, device, transport
 * @param isolation what a peer with a grant can reach if it breaks the rules: LEASE only where a grant covers what it was
 *     made for and {@link RdmaGrant#revoke} ends it
 * @param maxOperations most operations of one batch, at least 1
 * @param maxOperationBytes most bytes of one operation; the backend cuts longer blocks
 * @param targetTakesPart whether bytes move only while the target's process works on them; then its backend is told of what
 *     it received, and nothing is applied by a process that stands still
 * @since 0.1.0
 */
public record RdmaAdapterInfo(
        String provider,
        String description,
        Isolation isolation,
        int maxOperations,
        long maxOperationBytes,
        boolean targetTakesPart) {
    /**
     * Describes a device that reaches the target's memory by itself.
     *
     * @param provider the value of {@code kvferry.rdma.provider}
     * @param description one line for a person
     * @param isolation what a peer with a grant can reach
     * @param maxOperations most operations of one batch
     * @param maxOperationBytes most bytes of one operation
     */
    public RdmaAdapterInfo(
            String provider, String description, Isolation isolation, int maxOperations, long maxOperationBytes) {
        this(provider, description, isolation, maxOperations, maxOperationBytes, false);
    }
}
