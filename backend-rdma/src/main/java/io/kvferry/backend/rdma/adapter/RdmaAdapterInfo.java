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
 * @since 0.1.0
 */
public record RdmaAdapterInfo(
        String provider, String description, Isolation isolation, int maxOperations, long maxOperationBytes) {}
