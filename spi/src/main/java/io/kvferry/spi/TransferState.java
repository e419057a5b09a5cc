package io.kvferry.spi;

/**
 * Where a transfer is in its life.
 *
 * @since 0.1.0
 */
public enum TransferState {
    /** Asked for. */
    NEW,
    /** Meeting the peer, validating, connecting. */
    PREPARING,
    /** Everything that can fail before a byte moves has succeeded. */
    PREPARED,
    /** A part is with the backend. */
    SUBMITTED,
    /** Bytes move. */
    IN_FLIGHT,
    /** All bytes are applied at the destination. */
    COMPLETED,
    /** Ended by an error. */
    FAILED,
    /** Ended because somebody asked. */
    CANCELLED,
    /** Ended by its deadline. */
    TIMED_OUT,
    /** Ended, and this side's memory may still be touched: it stays locked. */
    QUARANTINED,
    /** Ended and released. */
    FINISHED;

    /**
     * Tells whether the outcome is decided.
     *
     * @return true from {@link #COMPLETED} on
     */
    public boolean isEnded() {
        return switch (this) {
            case NEW, PREPARING, PREPARED, SUBMITTED, IN_FLIGHT -> false;
            case COMPLETED, FAILED, CANCELLED, TIMED_OUT, QUARANTINED, FINISHED -> true;
        };
    }
}
