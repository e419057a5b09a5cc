package io.kvferry.backend.rdma.adapter;

import io.kvferry.spi.TransferException;

/**
 * One half of a connection: a queue pair, an endpoint with its worker. A half that has failed or closed is never used
 * again; the next connection is a new one.
 *
 * <p><b>Threads:</b> {@link #hello} any thread; all else confined to the owner thread of the adapter.
 *
 * @since 0.1.0
 */
public interface RdmaConnection {
    /** Longest hello, and longest address of an adapter. */
    int MAX_HELLO_BYTES = 4096;

    /** Longest key of a grant. */
    int MAX_KEY_BYTES = 512;

    /** Longest message. */
    int MAX_MESSAGE_BYTES = 64;

    /**
     * Returns what the other half must know of this one: queue pair number, token.
     *
     * @return at most {@link #MAX_HELLO_BYTES}, the same at every call
     */
    byte[] hello();

    /**
     * Connects the initiator's half. Does not block: {@link RdmaEvents#connected} or {@link RdmaEvents#failed} follows, or
     * nothing if the peer says nothing. Called once, on the half that {@link RdmaAdapter#connect} made.
     *
     * @param hello the {@link #hello()} of the target's half; not trusted
     * @throws TransferException PROTOCOL_ERROR for bytes that make no sense
     */
    void establish(byte[] hello);

    /**
     * Makes a peer's grant usable. Called once connected.
     *
     * @param key the {@link RdmaGrant#key()}; not trusted
     * @return the key, to be released
     * @throws TransferException PROTOCOL_ERROR for bytes that make no sense
     */
    RdmaRemoteKey importKey(byte[] key);

    /**
     * Starts a batch. Does not block. A library that refuses an operation fails the connection.
     *
     * @param batch at most {@link RdmaAdapterInfo#maxOperations()} operations
     * @return false, and nothing was started, while the queue is full: to be tried again after something was applied
     */
    boolean post(RdmaBatch batch);

    /**
     * Sends a few bytes, which arrive in order, after all batches that were applied before. Does not block.
     *
     * @param message at most {@link #MAX_MESSAGE_BYTES}
     * @return false, and nothing was sent, while the queue is full
     */
    boolean send(byte[] message);

    /**
     * Fences and releases. Does not block, is legal at any time, idempotent: {@link RdmaEvents#closed} follows once, which
     * is the proof that this side's memory is not touched through this connection any more, whatever the peer does. Batches
     * in flight are given up. The peer's half fails or notices nothing; it is told by a message before, if it is to know.
     */
    void close();
}
