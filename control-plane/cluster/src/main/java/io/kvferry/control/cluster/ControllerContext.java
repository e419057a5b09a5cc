package io.kvferry.control.cluster;

import io.kvferry.control.grpc.CallErrors;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Stage;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.time.Duration;

/**
 * What the parts of a controller share.
 *
 * <p>There is one lease time; everything else about it follows: nodes keep their lease alive five times within it, and are
 * suspect after half of it.
 *
 * @param id the controller's own name, new in each process
 * @param ticker the clock
 * @param scheduler runs things when deadlines pass
 * @param lease how long a node may be silent before it is gone
 * @param events who hears what happens
 * @param counters what is counted
 */
record ControllerContext(
        String id, Ticker ticker, Scheduler scheduler, Duration lease, Events events, Counter.Counters counters) {
    private static final int KEEP_ALIVES_PER_LEASE = 5;

    Duration keepAliveInterval() {
        return Duration.ofNanos(keepAliveNanos());
    }

    /** The same for every look-up: {@link Duration#dividedBy} goes through big numbers. */
    long keepAliveNanos() {
        return lease.toNanos() / KEEP_ALIVES_PER_LEASE;
    }

    Duration suspectAfter() {
        return Duration.ofNanos(lease.toNanos() / 2);
    }

    Deadline in(Duration time) {
        return Deadline.after(time, ticker);
    }

    /** What who called is told of a failure. */
    TransferError refusal(Throwable failure) {
        return CallErrors.of(failure, Stage.REGISTER, counters.port());
    }

    static TransferError refusal(TransferErrorCode code, String detail) {
        return CallErrors.refusal(code, Stage.REGISTER, detail);
    }

    static TransferException error(TransferErrorCode code, String detail) {
        return new TransferException(code, Stage.REGISTER, detail);
    }
}
