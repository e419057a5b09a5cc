package io.kvferry.spi;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One transfer as the target's backend gets it: the leased memory in the initiator's order.
 *
 * <p><b>Threads:</b> Immutable. <b>Ownership:</b> all handles stay registered, and their memory mapped, until the
 * transfer is quiescent.
 *
 * @param id the transfer
 * @param attempt its attempt, from 1
 * @param epoch number of the lease's life on this target, never used twice by this process
 * @param operation WRITE fills these blocks, READ sends them
 * @param self this process
 * @param peer the initiator's process
 * @param blocks local memory; block {@code i} is the other end of block {@code i} of the initiator's plan
 * @param handles registration of each of {@code blocks.regions()}, in that order
 * @param deadline when the lease ends
 * @param observer where progress and failures are reported
 * @param channel messages to the initiator's side of this transfer; null unless {@link Capability#PEER_CHANNEL} is
 *     declared
 * @since 0.1.0
 */
public record TargetPlan(
        TransferId id,
        int attempt,
        long epoch,
        Operation operation,
        PeerIdentity self,
        PeerIdentity peer,
        BlockList blocks,
        List<MemoryHandle> handles,
        Deadline deadline,
        TransferObserver observer,
        @Nullable PeerChannel channel) {}
