package io.kvferry.spi;

import java.util.concurrent.CompletionStage;

/**
 * What answers peers' messages on a node. Implemented by the engine, called by peer control.
 *
 * <p><b>Threads:</b> Thread-safe. Methods may take as long as a backend's {@code accept}; peer control calls them on
 * threads that may block.
 *
 * @since 0.1.0
 */
public interface PeerService {
    /**
     * Answers a request.
     *
     * @param <R> the kind of answer
     * @param request decoded, within the limits of its fields, but not trusted
     * @param deadline when the caller stops waiting
     * @return the answer, or a failure with a {@link TransferException}
     */
    <R extends PeerReply> CompletionStage<R> handle(PeerRequest<R> request, Deadline deadline);

    /**
     * Takes a channel that an initiator opened for a prepared transfer.
     *
     * @param id the transfer
     * @param attempt its attempt
     * @param epoch its epoch
     * @param channel the channel; the service sets its receiver before it returns
     * @throws TransferException NOT_FOUND or LEASE_ENDED where no such attempt is prepared; peer control then breaks the
     *     channel with that error
     */
    void channelOpened(TransferId id, int attempt, long epoch, PeerChannel channel);
}
