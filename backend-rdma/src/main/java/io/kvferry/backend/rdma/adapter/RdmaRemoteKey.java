package io.kvferry.backend.rdma.adapter;

/**
 * A peer's grant, as one connection can use it. Belongs to that connection, which releases what is left when it closes.
 *
 * <p><b>Threads:</b> confined to the owner thread of the adapter.
 *
 * @since 0.1.0
 */
public interface RdmaRemoteKey {
    /** Frees what the library holds for the key. Idempotent. No batch uses the key any more. */
    void release();
}
