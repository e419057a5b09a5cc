package io.kvferry.engine;

import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferStatus;
import java.util.Optional;
import java.util.concurrent.CompletionStage;

/**
 * The target's offer: these blocks, this access, under this transfer id, until this deadline.
 *
 * <p><b>Life cycle:</b> {@link TransferEngine#offer} makes it. A lease for one transfer ends completed or cancelled with
 * it; after an attempt that failed or timed out it stays open for the next attempt. At its deadline every lease ends timed
 * out with LEASE_ENDED. Its memory stays locked until it has ended and every attempt's quiescence is proved.
 *
 * <p><b>Threads:</b> Thread-safe. Only {@code await} and {@code awaitApplied} block.
 *
 * @since 0.1.0
 */
public final class Lease implements AutoCloseable {
    private final TargetLease lease;

    Lease(TargetLease lease) {
        this.lease = lease;
    }

    /**
     * Returns the transfer that may use this lease.
     *
     * @return its id
     */
    public TransferId id() {
        return lease.id();
    }

    /**
     * Returns a snapshot, of the newest attempt where there is one. Does not block.
     *
     * @return state, bytes, blocks and error: NEW with what has been applied so far while no attempt is under way and on a
     *     standing lease; FINISHED, or QUARANTINED while its memory may be touched, once it has ended
     */
    public TransferStatus status() {
        return lease.status();
    }

    /**
     * Waits for the end. A deadline that passes is the caller's last word: the lease ends timed out.
     *
     * @param waitUntil until when to wait
     * @return how it ended
     * @throws TransferException INVALID_REQUEST when called from a listener or with a deadline on another clock; CANCELLED
     *     when the thread is interrupted, with the lease going on
     */
    public TransferResult await(Deadline waitUntil) {
        ListenerThread.refuse("Lease.await");
        return lease.await(waitUntil);
    }

    /**
     * Returns the outcome.
     *
     * @return the result with what is known of the memory now, or empty while the lease lasts
     */
    public Optional<TransferResult> result() {
        return lease.done().isDone() ? Optional.of(lease.result()) : Optional.empty();
    }

    /**
     * Waits until blocks have been applied, while a WRITE is under way: a layer can be used as soon as it is there.
     *
     * @param blocks positions in the lease's block list
     * @param waitUntil until when to wait; the lease goes on
     * @return true once they are applied; false at the deadline, or when the lease ends without them
     * @throws TransferException INVALID_REQUEST for positions outside the list, a deadline on another clock, or when called
     *     from a listener; CANCELLED when the thread is interrupted
     */
    public boolean awaitApplied(BlockRange blocks, Deadline waitUntil) {
        ListenerThread.refuse("Lease.awaitApplied");
        return lease.blocks().await(blocks, waitUntil);
    }

    /** Takes the offer back. Returns at once; does nothing to a lease that has ended. */
    public void revoke() {
        lease.revoke();
    }

    /** Does what {@link #revoke()} does. */
    @Override
    public void close() {
        revoke();
    }

    /**
     * Tells whether the leased memory may be used for something else.
     *
     * @return QUIESCENT once the lease has ended and no attempt can touch it any more; QUARANTINED before, also while the
     *     lease lasts
     */
    public Quiescence memory() {
        return lease.memory();
    }

    /**
     * Tells when the leased memory may be used for something else: the lease has ended and no attempt can touch it.
     *
     * @return completes once it may, perhaps on a thread of a backend: what depends on it must not block
     */
    public CompletionStage<Void> whenQuiescent() {
        return lease.whenQuiescent().minimalCompletionStage();
    }

    @Override
    public String toString() {
        return lease.toString();
    }
}
