package io.kvferry.engine;

import io.kvferry.spi.Stage;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferState;
import io.kvferry.spi.TransferStatus;

/**
 * When a transfer was last seen to move: whoever looks compares what is done with what was done when somebody looked before.
 *
 * <p><b>Threads:</b> Thread-safe, without a lock; two who look at once note the same.
 */
final class ProgressMark {
    private final Ticker ticker;
    private volatile long seen = -1;
    private volatile long atNanos;

    ProgressMark(Ticker ticker) {
        this.ticker = ticker;
        this.atNanos = ticker.nanos();
    }

    /** Looks. Returns for how long nothing has moved. */
    long quietNanos(TransferStatus status) {
        long now = ticker.nanos();
        // a step to the next state is progress as much as a byte
        long done = status.bytesDone() + (status.state().isEnded() ? 1 : 0);
        if (done != seen) {
            seen = done;
            atNanos = now;
        }
        return now - atNanos;
    }

    /** What a transfer in some state is at, or where it failed. */
    static Stage stage(TransferStatus status) {
        TransferError error = status.error();
        if (error != null) {
            return error.stage();
        }
        TransferState state = status.state();
        return switch (state) {
            case NEW, PREPARING -> Stage.PREPARE;
            case PREPARED -> Stage.SUBMIT;
            case SUBMITTED, IN_FLIGHT -> Stage.TRANSFER;
            case COMPLETED, FAILED, CANCELLED, TIMED_OUT, QUARANTINED, FINISHED -> Stage.FINISH;
        };
    }
}
