package io.kvferry.spi;

import java.util.concurrent.CompletableFuture;

/**
 * The small RPC between nodes: one instance per engine, both client and server.
 *
 * <p><b>Life cycle:</b> {@code start} once, then calls, then {@code close}.
 *
 * <p><b>Threads:</b> Thread-safe; no method blocks but {@code start} and {@code close}. One slow or dead peer delays no
 * other.
 *
 * @since 0.1.0
 */
public interface PeerControl {
    /**
     * Starts to listen.
     *
     * @param service answers peers
     * @param deadline until when it may wait
     * @return the address that peers dial
     * @throws TransferException CONNECTION_FAILED when the address is in use; the detail names the key
     */
    PeerAddress start(PeerService service, Deadline deadline);

    /**
     * Asks a peer.
     *
     * @param <R> the kind of answer
     * @param peer where it listens
     * @param request the message
     * @param deadline when the answer is not wanted any more; travels as remaining time
     * @return the answer; fails with {@link TransferException}: what the peer refused with, or CONTROL_FAILED,
     *     DEADLINE_EXCEEDED, PROTOCOL_ERROR, RESOURCE_EXHAUSTED. Always completes, at the latest soon after the
     *     deadline, on a thread of peer control that dependents must not block.
     */
    <R extends PeerReply> CompletableFuture<R> call(PeerAddress peer, PeerRequest<R> request, Deadline deadline);

    /**
     * Opens the channel of a prepared transfer. Failures break the channel, they are not thrown.
     *
     * @param peer where the target listens
     * @param id the transfer
     * @param attempt its attempt
     * @param epoch its epoch
     * @param deadline when the channel breaks by itself
     * @return the channel, at once
     */
    PeerChannel openChannel(PeerAddress peer, TransferId id, int attempt, long epoch, Deadline deadline);

    /**
     * Drops what is kept for a peer, such as connections. Calls under way fail with CONTROL_FAILED.
     *
     * @param peer where it listened
     */
    void forget(PeerAddress peer);

    /**
     * Stops listening, fails calls under way, releases everything. Idempotent.
     *
     * @param deadline until when it may wait
     */
    void close(Deadline deadline);
}
