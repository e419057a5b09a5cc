package io.kvferry.engine;

import io.kvferry.spi.Quiescence;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferState;

/**
 * How a transfer ended on one side, and whether that side's memory can be used again.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @since 0.1.0
 */
public sealed interface TransferResult {
    /**
     * Tells whether this side's memory may be reused, as known when this result was taken.
     *
     * @return QUIESCENT if it may; QUARANTINED while it stays locked
     */
    Quiescence memory();

    /**
     * Returns the outcome as a state.
     *
     * @return COMPLETED, FAILED, CANCELLED or TIMED_OUT
     */
    TransferState state();

    /**
     * Passes over success and throws anything else.
     *
     * @return this, if completed
     * @throws TransferException with the error of a failed, cancelled or timed-out transfer
     */
    Completed orThrow();

    /**
     * All bytes are applied at the destination: of all blocks that both sides named.
     *
     * @param bytes how many
     * @param blocks in how many blocks, at least 1
     */
    record Completed(long bytes, int blocks) implements TransferResult {
        @Override
        public Quiescence memory() {
            return Quiescence.QUIESCENT;
        }

        @Override
        public TransferState state() {
            return TransferState.COMPLETED;
        }

        @Override
        public Completed orThrow() {
            return this;
        }
    }

    /**
     * It failed.
     *
     * @param error why
     * @param memory whether this side's memory may be reused
     */
    record Failed(TransferError error, Quiescence memory) implements TransferResult {
        @Override
        public TransferState state() {
            return TransferState.FAILED;
        }

        @Override
        public Completed orThrow() {
            throw new TransferException(error);
        }
    }

    /**
     * Somebody asked for the end.
     *
     * @param error who and where, with code CANCELLED, or SHUTTING_DOWN for a lease whose engine was closed
     * @param memory whether this side's memory may be reused
     */
    record Cancelled(TransferError error, Quiescence memory) implements TransferResult {
        @Override
        public TransferState state() {
            return TransferState.CANCELLED;
        }

        @Override
        public Completed orThrow() {
            throw new TransferException(error);
        }
    }

    /**
     * Its deadline passed. The bytes may have been written all the same.
     *
     * @param error how far it had come, with code DEADLINE_EXCEEDED, or LEASE_ENDED for a lease
     * @param memory whether this side's memory may be reused
     */
    record TimedOut(TransferError error, Quiescence memory) implements TransferResult {
        @Override
        public TransferState state() {
            return TransferState.TIMED_OUT;
        }

        @Override
        public Completed orThrow() {
            throw new TransferException(error);
        }
    }
}
