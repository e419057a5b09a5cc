package io.kvferry.engine;

import io.kvferry.spi.BlockList;
import io.kvferry.spi.ChecksumMode;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.TransferId;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What an initiator wants.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param id the transfer, as the target offered it
 * @param attempt from 1; a retry takes the next number
 * @param operation WRITE or READ
 * @param peer where the target's peer control listens
 * @param blocks local memory, all of it registered with the engine; must cover every key that the target leased
 * @param deadline when the transfer times out, or null for {@code kvferry.transfer-timeout} from prepare on
 * @param backend the backend to use, or null for the first of {@code kvferry.backend} that both sides have
 * @param checksum whether blocks carry a checksum, or null for {@code kvferry.checksum}
 * @param confirmed true if COMPLETED must wait for the target's own decision
 * @param listener hears of parts and of the end, or null
 * @since 0.1.0
 */
public record TransferRequest(
        TransferId id,
        int attempt,
        Operation operation,
        PeerAddress peer,
        BlockList blocks,
        @Nullable Deadline deadline,
        @Nullable String backend,
        @Nullable ChecksumMode checksum,
        boolean confirmed,
        @Nullable TransferListener listener) {
    /**
     * Checks that nothing is missing.
     *
     * @throws NullPointerException without id, operation, peer or blocks
     * @throws IllegalArgumentException if the attempt is below 1
     */
    public TransferRequest {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(operation, "operation");
        Objects.requireNonNull(peer, "peer");
        Objects.requireNonNull(blocks, "blocks");
        if (attempt < 1) {
            throw new IllegalArgumentException("attempts count from 1, got " + attempt);
        }
    }

    /**
     * Sends local blocks into the target's memory.
     *
     * @param id the transfer
     * @param peer the target
     * @param blocks the bytes to send; final at submit
     * @return the request, first attempt
     */
    public static TransferRequest write(TransferId id, PeerAddress peer, BlockList blocks) {
        return new TransferRequest(id, 1, Operation.WRITE, peer, blocks, null, null, null, false, null);
    }

    /**
     * Fetches the target's blocks into local memory.
     *
     * @param id the transfer
     * @param peer the target
     * @param blocks where the bytes go
     * @return the request, first attempt
     */
    public static TransferRequest read(TransferId id, PeerAddress peer, BlockList blocks) {
        return new TransferRequest(id, 1, Operation.READ, peer, blocks, null, null, null, false, null);
    }

    /**
     * Makes this a later attempt.
     *
     * @param newAttempt higher than any attempt of this transfer before
     * @return a copy
     * @throws IllegalArgumentException if it is below 1
     */
    public TransferRequest attempt(int newAttempt) {
        return new TransferRequest(
                id, newAttempt, operation, peer, blocks, deadline, backend, checksum, confirmed, listener);
    }

    /**
     * Sets when the transfer times out.
     *
     * @param newDeadline the deadline, on the engine's clock
     * @return a copy
     */
    public TransferRequest deadline(Deadline newDeadline) {
        return new TransferRequest(
                id, attempt, operation, peer, blocks, newDeadline, backend, checksum, confirmed, listener);
    }

    /**
     * Uses one backend and no other.
     *
     * @param name a backend of {@code kvferry.backend}
     * @return a copy
     */
    public TransferRequest backend(String name) {
        return new TransferRequest(id, attempt, operation, peer, blocks, deadline, name, checksum, confirmed, listener);
    }

    /**
     * Sets whether blocks carry a checksum; otherwise {@code kvferry.checksum} decides.
     *
     * @param mode the mode
     * @return a copy
     */
    public TransferRequest checksum(ChecksumMode mode) {
        return new TransferRequest(id, attempt, operation, peer, blocks, deadline, backend, mode, confirmed, listener);
    }

    /**
     * Completes only once the target has confirmed its own outcome.
     *
     * @return a copy
     */
    public TransferRequest confirm() {
        return new TransferRequest(id, attempt, operation, peer, blocks, deadline, backend, checksum, true, listener);
    }

    /**
     * Listens to this transfer.
     *
     * @param newListener called on the engine's executor
     * @return a copy
     */
    public TransferRequest listener(TransferListener newListener) {
        return new TransferRequest(
                id, attempt, operation, peer, blocks, deadline, backend, checksum, confirmed, newListener);
    }
}
