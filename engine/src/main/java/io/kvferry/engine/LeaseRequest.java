package io.kvferry.engine;

import io.kvferry.spi.BlockList;
import io.kvferry.spi.Operation;
import io.kvferry.spi.TransferId;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What a target offers.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param id the transfer that may use it
 * @param access what initiators may do
 * @param blocks the memory, all of it registered with the engine
 * @param onlyFor the node id of the one initiator allowed, or null for any
 * @param standing true for many transfers until the deadline, each with its own attempt and subset of keys; false for one
 *     transfer, which must cover all keys
 * @param listener hears of parts and of the end, or null
 * @since 0.1.0
 */
public record LeaseRequest(
        TransferId id,
        Operation access,
        BlockList blocks,
        @Nullable String onlyFor,
        boolean standing,
        @Nullable TransferListener listener) {
    /**
     * Checks that nothing is missing.
     *
     * @throws NullPointerException without id, access or blocks
     */
    public LeaseRequest {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(access, "access");
        Objects.requireNonNull(blocks, "blocks");
    }

    /**
     * Offers memory that one transfer will fill.
     *
     * @param id the transfer
     * @param blocks the memory
     * @return the request
     */
    public static LeaseRequest writable(TransferId id, BlockList blocks) {
        return new LeaseRequest(id, Operation.WRITE, blocks, null, false, null);
    }

    /**
     * Offers memory that one transfer will fetch. Its bytes are final until the lease has ended.
     *
     * @param id the transfer
     * @param blocks the memory
     * @return the request
     */
    public static LeaseRequest readable(TransferId id, BlockList blocks) {
        return new LeaseRequest(id, Operation.READ, blocks, null, false, null);
    }

    /**
     * Allows one initiator only.
     *
     * @param nodeId its {@code kvferry.node-id}
     * @return a copy
     */
    public LeaseRequest onlyFor(String nodeId) {
        return new LeaseRequest(id, access, blocks, Objects.requireNonNull(nodeId, "nodeId"), standing, listener);
    }

    /**
     * Lets many transfers use the lease until its deadline.
     *
     * @return a copy
     */
    public LeaseRequest asStanding() {
        return new LeaseRequest(id, access, blocks, onlyFor, true, listener);
    }

    /**
     * Listens to this lease.
     *
     * @param newListener called on the engine's executor
     * @return a copy
     */
    public LeaseRequest listener(TransferListener newListener) {
        return new LeaseRequest(id, access, blocks, onlyFor, standing, newListener);
    }
}
