package io.kvferry.backend.mooncake;

import io.kvferry.spi.Deadline;
import java.time.Duration;
import java.util.function.BooleanSupplier;

/** Hears when a connection has something outstanding that does not move. Confined to the connection's event loop. */
final class ProgressWatch {
    /** Checks without progress in one progress timeout: a check that came late for our own fault does no harm. */
    private static final int QUIET_CHECKS = 4;

    private final WireScope scope;
    private final LoopTasks loop;
    private final BooleanSupplier busy;
    private final Runnable stuck;
    private boolean scheduled;
    private int quietChecks;

    /**
     * @param busy whether something is outstanding
     * @param stuck runs when it has not moved for {@code kvferry.mooncake.progress-timeout}
     */
    ProgressWatch(WireScope scope, LoopTasks loop, BooleanSupplier busy, Runnable stuck) {
        this.scope = scope;
        this.loop = loop;
        this.busy = busy;
        this.stuck = stuck;
    }

    /** Bytes have moved, or something became outstanding. */
    void moved() {
        quietChecks = 0;
        if (!scheduled && busy.getAsBoolean()) {
            schedule();
        }
    }

    private void schedule() {
        Duration pause = scope.config().progressTimeout().dividedBy(QUIET_CHECKS);
        scheduled = loop.schedule(Deadline.after(pause, scope.ticker()), this::check) != null;
    }

    private void check() {
        scheduled = false;
        if (!busy.getAsBoolean()) {
            return;
        }
        if (++quietChecks > QUIET_CHECKS) {
            stuck.run();
        } else {
            schedule();
        }
    }
}
