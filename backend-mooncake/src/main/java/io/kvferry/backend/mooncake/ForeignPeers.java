package io.kvferry.backend.mooncake;

import io.kvferry.spi.BackendEndpoint;
import io.kvferry.spi.Descriptor;
import io.kvferry.spi.Proposal;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;

/**
 * What takes the place of peer control where the other side is a Mooncake process, which knows none: the caller of a
 * backend opened by {@link MooncakeBackendProvider} says where the blocks are, or offers its own to whoever asks.
 *
 * <ul>
 *   <li>As initiator: {@code prepare} a plan whose peer endpoint is {@link #endpoint} with the descriptor of
 *       {@link #blocksAt}. The segment is asked for anew, and every block must lie inside one of its buffers.
 *   <li>As target: {@code accept} a plan with the proposal of {@link #anybody}. Its blocks become buffers of our segment,
 *       in order, until the transfer is sealed; a foreign peer finds them there. Nobody tells the target how far the peer
 *       is: {@code applied} is not called, and the lease ends with its deadline or by the caller.
 * </ul>
 *
 * <p>The protocol has no authentication: what is offered to anybody is offered to everybody who reaches the port.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public final class ForeignPeers {
    private ForeignPeers() {}

    /**
     * Names a foreign peer.
     *
     * @param segment its segment name: {@code host:port} of its handshake, or its name at the metadata server
     * @return the endpoint for a plan
     * @throws TransferException INVALID_REQUEST for an empty name or one beyond 1024 bytes
     */
    public static BackendEndpoint endpoint(String segment) {
        if (!WireEndpoint.isSegmentName(segment)) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.PREPARE,
                    "a segment name has 1 to 1024 bytes, not '" + segment + "'");
        }
        return WireEndpoint.foreign(segment).encode();
    }

    /**
     * Says where the blocks of a plan are at a foreign peer.
     *
     * @param addresses an unsigned address of the peer's for each block, in the plan's order
     * @return the descriptor for {@code prepare}
     */
    public static Descriptor blocksAt(long... addresses) {
        return new WireDescriptor.Addresses(addresses.clone(), "", "").encode();
    }

    /**
     * Says where the blocks are, and what to tell the peer once all of them are applied. The peer is told at most once; one
     * that does not listen does not fail the transfer.
     *
     * @param name the notification's name
     * @param message its text
     * @param addresses an unsigned address of the peer's for each block, in the plan's order
     * @return the descriptor for {@code prepare}
     */
    public static Descriptor blocksAtThenNotify(String name, String message, long... addresses) {
        return new WireDescriptor.Addresses(addresses.clone(), name, message).encode();
    }

    /**
     * Offers a lease to whoever asks, for the operation of its plan.
     *
     * @return the proposal for {@code accept}; good in this process only
     */
    public static Proposal anybody() {
        return WireProposal.PUBLISHED.encode();
    }

    /**
     * Offers a lease to whoever asks, for reading and writing, any number of times.
     *
     * @return the proposal for {@code accept}; good in this process only
     */
    public static Proposal anybodyToReadAndWrite() {
        return WireProposal.SHARED.encode();
    }
}
