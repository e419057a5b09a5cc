package io.kvferry.spi;

/**
 * What {@link TransferBackend#reset} fences.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @since 0.1.0
 */
public sealed interface ResetScope {
    /**
     * All connections that carry one transfer.
     *
     * @param id the transfer
     * @param attempt its attempt
     */
    record Connection(TransferId id, int attempt) implements ResetScope {}

    /**
     * Everything shared with one process.
     *
     * @param peer the process
     */
    record Peer(PeerIdentity peer) implements ResetScope {}

    /** Everything of this instance. */
    record Instance() implements ResetScope {}
}
