package io.kvferry.engine;

import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferStatus;
import org.jspecify.annotations.Nullable;

/**
 * When one side of an attempt went from one phase to the next: prepare, submit, transfer, finish; and when it was last seen to
 * move.
 *
 * <p><b>Threads:</b> Thread-safe, without a lock but for who looks whether it moves; {@link #prepared} and {@link #accepted} are called before anybody else knows of the attempt's
 * next phase.
 */
final class PhaseTimes {
    private final Ticker ticker;
    private final long startNanos;
    private long preparedNanos;
    private volatile long submittedNanos;
    private volatile long endedNanos;
    // guarded by this
    private @Nullable ProgressMark progress;

    PhaseTimes(Ticker ticker) {
        this.ticker = ticker;
        long now = ticker.nanos();
        this.startNanos = now;
        this.preparedNanos = now;
        this.submittedNanos = now;
        this.endedNanos = now;
    }

    void prepared() {
        preparedNanos = ticker.nanos();
    }

    /** A target submits nothing: what it has accepted may begin to arrive. */
    void accepted() {
        long now = ticker.nanos();
        preparedNanos = now;
        submittedNanos = now;
    }

    /** The first part was submitted. */
    void submitted() {
        submittedNanos = ticker.nanos();
    }

    /** The outcome is decided. */
    void ended(boolean wasSubmitted) {
        long now = ticker.nanos();
        if (!wasSubmitted) {
            submittedNanos = now;
        }
        endedNanos = now;
    }

    long prepareNanos() {
        return preparedNanos - startNanos;
    }

    long submitNanos() {
        return Math.max(0, submittedNanos - preparedNanos);
    }

    long transferNanos() {
        return Math.max(0, endedNanos - submittedNanos);
    }

    /** From the outcome until now. */
    long finishNanos() {
        return ticker.nanos() - endedNanos;
    }

    /** From the beginning until now. */
    long ageNanos() {
        return ticker.nanos() - startNanos;
    }

    /** For how long nothing has moved, as far as somebody looked. */
    synchronized long quietNanos(TransferStatus now) {
        if (progress == null) {
            // most transfers end unseen
            progress = new ProgressMark(ticker);
        }
        return progress.quietNanos(now);
    }
}
