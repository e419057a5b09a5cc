package io.kvferry.engine;

import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferStatus;
import java.util.Optional;
import java.util.concurrent.CompletionStage;

/**
 * The initiator's side of one transfer: prepared, then submitted whole or in parts, watched, and finished.
 *
 * <p><b>Life cycle:</b> {@link TransferEngine#prepare} makes it; exactly one outcome follows: completed, failed, cancelled
 * or timed out, the latter at its deadline without anybody's doing. {@link #close()} is {@link #finish()} and must be
 * called in the end. What was known of it can be asked for ever after; only {@code submit} is refused.
 *
 * <p><b>Threads:</b> Thread-safe. {@code status} takes no lock. Only {@code await} and {@code awaitQuiescent} block.
 *
 * @since 0.1.0
 */
public final class Transfer implements AutoCloseable {
    private final InitiatorAttempt attempt;
    private final RangeClaims claims;

    Transfer(InitiatorAttempt prepared) {
        this.attempt = prepared;
        this.claims = new RangeClaims(prepared.request().blocks().size());
    }

    /**
     * Returns the transfer's id.
     *
     * @return the id of the request
     */
    public TransferId id() {
        return attempt.request().id();
    }

    /**
     * Returns the attempt.
     *
     * @return the attempt of the request, from 1
     */
    public int attempt() {
        return attempt.request().attempt();
    }

    /**
     * Returns the backend that moves the bytes.
     *
     * @return its name
     */
    public String backend() {
        return attempt.prepared().backend().name();
    }

    /**
     * Returns which backends were skipped before this one, and why.
     *
     * @return one line, or empty where the first one was taken
     */
    public String selection() {
        return attempt.prepared().selection().skipped();
    }

    /**
     * Returns how many blocks of the request the target has not leased; they are left out.
     *
     * @return 0 where both sides name the same keys
     */
    public int unmatched() {
        return attempt.request().blocks().size() - attempt.prepared().matched().size();
    }

    /**
     * Starts the I/O of all blocks and returns at once.
     *
     * @throws TransferException as {@link #submit(BlockRange)}
     */
    public void submit() {
        submit(new BlockRange(0, attempt.request().blocks().size()));
    }

    /**
     * Starts the I/O of some blocks and returns at once. Parts may come from several threads, in any order.
     *
     * @param blocks positions in the request's block list, none of them submitted before
     * @throws TransferException INVALID_REQUEST, without effect, for a range outside the list, an overlap, or a transfer
     *     that has ended; otherwise what the backend refused with, and the transfer has failed with it
     */
    public void submit(BlockRange blocks) {
        Prepared prepared = attempt.prepared();
        checkRunning(prepared);
        if (!claims.claim(blocks)) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.SUBMIT,
                    blocks + " overlaps what was submitted before or is outside the "
                            + attempt.request().blocks().size() + " blocks of the request");
        }
        attempt.submitted();
        BlockRange matched = prepared.positions().toMatched(blocks);
        if (matched == null) {
            return;
        }
        try {
            prepared.io().submit(matched);
        } catch (RuntimeException | Error e) {
            TransferException failure = Failures.of(e, Stage.SUBMIT);
            attempt.end(Ending.of(failure.error().at(Side.INITIATOR, prepared.peer())));
            throw failure;
        }
    }

    private void checkRunning(Prepared prepared) {
        if (prepared.deadline().isExpired()) {
            // its timer may be late on a busy machine
            attempt.timeOut(prepared.deadlineReason());
        }
        Ending over = attempt.ending();
        if (over != null) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.SUBMIT,
                    "the transfer has ended " + over.state() + (over.error() == null ? "" : ": " + over.error())
                            + "; a new attempt needs a new prepare");
        }
    }

    /**
     * Returns a snapshot. Takes no lock and does not block.
     *
     * @return state, bytes, blocks and error; bytes and blocks are of those that the target leased
     */
    public TransferStatus status() {
        return attempt.status();
    }

    /**
     * Returns the outcome.
     *
     * @return the result with what is known of the memory now, or empty while the transfer runs
     */
    public Optional<TransferResult> result() {
        return attempt.done().isDone() ? Optional.of(attempt.result()) : Optional.empty();
    }

    /**
     * Waits for the outcome. A deadline that passes is the caller's last word: the transfer ends timed out.
     *
     * @param deadline until when to wait
     * @return how it ended
     * @throws TransferException INVALID_REQUEST when called from a listener or with a deadline on another clock; CANCELLED
     *     when the thread is interrupted, with the transfer going on
     */
    public TransferResult await(Deadline deadline) {
        ListenerThread.refuse("Transfer.await");
        if (!attempt.context().waits().until(attempt.done(), deadline, Stage.TRANSFER)) {
            attempt.timeOut("the caller's wait");
        }
        return attempt.result();
    }

    /** Asks for the end. Returns at once; does nothing to a transfer that has ended. */
    public void cancel() {
        attempt.cancel();
    }

    /**
     * Tells whether this side's memory may be used again.
     *
     * @return QUIESCENT once the data plane will not touch it; QUARANTINED before, also while the transfer runs
     */
    public Quiescence memory() {
        return attempt.prepared().hold().state();
    }

    /**
     * Waits until this side's memory may be used again.
     *
     * @param deadline until when to wait
     * @return whether it may
     * @throws TransferException INVALID_REQUEST when called from a listener or with a deadline on another clock; CANCELLED
     *     when the thread is interrupted
     */
    public boolean awaitQuiescent(Deadline deadline) {
        ListenerThread.refuse("Transfer.awaitQuiescent");
        return attempt.context().waits().until(attempt.prepared().hold().whenQuiescent(), deadline, Stage.FINISH);
    }

    /**
     * Tells when this side's memory may be used again.
     *
     * @return completes once it may, perhaps on a thread of a backend: what depends on it must not block
     */
    public CompletionStage<Void> whenQuiescent() {
        return attempt.prepared().hold().whenQuiescent().minimalCompletionStage();
    }

    /**
     * Stops what still runs (the transfer ends cancelled), releases, and tells the target, which is not waited for.
     * Idempotent, legal in every state.
     */
    public void finish() {
        attempt.finish();
    }

    /** Does what {@link #finish()} does. */
    @Override
    public void close() {
        finish();
    }

    @Override
    public String toString() {
        return attempt.toString();
    }
}
