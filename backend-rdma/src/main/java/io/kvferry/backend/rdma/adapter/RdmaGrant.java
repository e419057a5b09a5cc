package io.kvferry.backend.rdma.adapter;

/**
 * Permission for peers to reach registered memory.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public interface RdmaGrant {
    /**
     * Returns what a peer's connection makes a remote key of.
     *
     * @return at most {@link RdmaConnection#MAX_KEY_BYTES}; a secret, never logged
     */
    byte[] key();

    /**
     * Ends the permission. Idempotent. With isolation LEASE no peer touches the memory by this grant once it has returned;
     * below, it says that this user of the grant is gone, and nothing else changes.
     */
    void revoke();
}
