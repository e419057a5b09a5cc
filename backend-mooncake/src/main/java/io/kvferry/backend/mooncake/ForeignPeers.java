package io.kvferry.backend.mooncake;

import io.kvferry.spi.BackendEndpoint;
import io.kvferry.spi.Descriptor;
import io.kvferry.spi.ForeignAudience;
import io.kvferry.spi.ForeignTarget;
import io.kvferry.spi.Payload;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.Proposal;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.Map;

/**
 * What takes the place of peer control where the other side is a Mooncake process, which knows none: the caller of a
 * backend opened by {@link MooncakeBackendProvider} says where the blocks are, or offers its own to whoever asks.
 *
 * <p>Over an engine: {@link #target} names a target to {@code TransferEngine.prepare}, {@link #everybody} an audience to
 * {@code TransferEngine.offer}, and what foreign peers notify comes on topic {@link #TOPIC}.
 *
 * <p>Over a backend alone:
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
    /** The topic, for {@code TransferEngine.onNotify}, of what foreign peers notify. */
    public static final String TOPIC = "foreign:mooncake";

    private ForeignPeers() {}

    /**
     * What a foreign peer has notified.
     *
     * @param name its word for it
     * @param message the text
     * @since 0.1.0
     */
    public record Notification(String name, String message) {}

    /**
     * Names a foreign target whose addresses are known.
     *
     * @param segment its segment name: {@code host:port} of its handshake, or its name at the metadata server
     * @param addresses an unsigned address of the peer's for each block, in the request's order
     * @return for {@code TransferEngine.prepare}
     * @throws TransferException INVALID_REQUEST for an empty name or one beyond 1024 bytes
     */
    public static ForeignTarget target(String segment, long... addresses) {
        return target(segment, blocksAt(addresses));
    }

    /**
     * Names a foreign target whose blocks lie one behind the other in a buffer of its segment.
     *
     * @param segment its segment name
     * @param buffer the buffer's number in the segment, from 0
     * @param offset where the first block begins in it
     * @return for {@code TransferEngine.prepare}; the wire engine alone can
     * @throws TransferException INVALID_REQUEST for an empty name or one beyond 1024 bytes, or a negative number
     */
    public static ForeignTarget targetInBuffer(String segment, int buffer, long offset) {
        if (buffer < 0 || offset < 0) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.PREPARE,
                    "buffer " + buffer + " and offset " + offset + " count from 0");
        }
        return target(segment, new WireDescriptor.InBuffer(buffer, offset).encode());
    }

    /**
     * Names a foreign target and what to tell it once all blocks are applied; see {@link #blocksAtThenNotify}.
     *
     * @param segment its segment name
     * @param notification what to tell
     * @param addresses an unsigned address of the peer's for each block, in the request's order
     * @return for {@code TransferEngine.prepare}
     * @throws TransferException INVALID_REQUEST for an empty name or one beyond 1024 bytes
     */
    public static ForeignTarget targetThenNotify(String segment, Notification notification, long... addresses) {
        return target(segment, blocksAtThenNotify(notification.name(), notification.message(), addresses));
    }

    private static ForeignTarget target(String segment, Descriptor descriptor) {
        BackendEndpoint endpoint = endpoint(segment);
        HostPort place = HostPort.parse(segment);
        return new ForeignTarget(WireBackend.NAME, new PeerAddress(place.host(), place.port()), endpoint, descriptor);
    }

    /**
     * Names whoever asks as the audience of a lease, for the operation that it allows.
     *
     * @return for {@code TransferEngine.offer}
     */
    public static ForeignAudience everybody() {
        return new ForeignAudience(WireBackend.NAME, anybody());
    }

    /**
     * Names whoever asks as the audience of a lease, for reading and writing, any number of times.
     *
     * @return for {@code TransferEngine.offer}
     */
    public static ForeignAudience everybodyToReadAndWrite() {
        return new ForeignAudience(WireBackend.NAME, anybodyToReadAndWrite());
    }

    /**
     * Reads what came on {@link #TOPIC}.
     *
     * @param payload the body
     * @return name and text
     * @throws TransferException PROTOCOL_ERROR for anything else
     */
    public static Notification notification(Payload payload) {
        Map<String, String> told = Messages.strings(payload.toByteArray(), "notification");
        return new Notification(told.getOrDefault("name", ""), told.getOrDefault("notify_msg", ""));
    }

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
