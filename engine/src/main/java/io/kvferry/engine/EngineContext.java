package io.kvferry.engine;

import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Ticker;
import java.time.Duration;
import java.util.concurrent.Executor;

/**
 * What every part of one engine shares.
 *
 * @param self this process
 * @param settings configuration
 * @param ticker the clock
 * @param scheduler runs things when deadlines pass
 * @param executor runs what may block or is the user's: a virtual thread a task
 * @param waits where callers park
 */
record EngineContext(
        PeerIdentity self, BackendConfig settings, Ticker ticker, Scheduler scheduler, Executor executor, Waits waits) {
    Deadline after(Duration duration) {
        return Deadline.after(duration, ticker);
    }

    /** Until when one transfer's cleaning up may take; never a request's leftover time (R2). */
    Deadline finishGrace() {
        return after(settings.get(EngineConfigKeys.FINISH_GRACE));
    }
}
