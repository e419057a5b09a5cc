package io.kvferry.spi;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One transfer as the initiator's backend gets it: matched, bounded and ready to connect.
 *
 * <p>Block {@code i} here and block {@code i} of the target's {@link TargetPlan} are the two ends of the same bytes: same
 * key, same length.
 *
 * <p><b>Threads:</b> Immutable. <b>Ownership:</b> all handles stay registered, and their memory mapped, until the
 * transfer is quiescent.
 *
 * @param id the transfer
 * @param attempt its attempt, from 1
 * @param operation WRITE sends these blocks, READ fills them
 * @param self this process
 * @param peer the target's process
 * @param peerEndpoint where the target's instance of this backend listens
 * @param blocks local memory, at least one block
 * @param handles registration of each of {@code blocks.regions()}, in that order
 * @param checksum whether blocks carry a checksum
 * @param deadline no I/O may be posted that could outlive it
 * @param observer where progress and the end are reported
 * @param channel messages to the target's side of this transfer; null unless {@link Capability#PEER_CHANNEL} is declared,
 *     and in {@link TransferBackend#propose}
 * @since 0.1.0
 */
public record InitiatorPlan(
        TransferId id,
        int attempt,
        Operation operation,
        PeerIdentity self,
        PeerIdentity peer,
        BackendEndpoint peerEndpoint,
        BlockList blocks,
        List<MemoryHandle> handles,
        ChecksumMode checksum,
        Deadline deadline,
        TransferObserver observer,
        @Nullable PeerChannel channel) {}
