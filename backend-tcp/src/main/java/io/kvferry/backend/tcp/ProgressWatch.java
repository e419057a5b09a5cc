package io.kvferry.backend.tcp;

import io.kvferry.spi.TransferErrorCode;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Fails the transfers of one lane whose outstanding bytes do not move. Confined to the lane's event loop. */
final class ProgressWatch {
    /** Checks without progress in one progress timeout: a check that came late for our own fault does no harm. */
    private static final int QUIET_CHECKS = 4;

    private final Lane lane;
    private final Duration timeout;
    private final Set<LaneStream> watched = new HashSet<>();
    private boolean scheduled;

    ProgressWatch(Lane lane, Duration timeout) {
        this.lane = lane;
        this.timeout = timeout;
    }

    /** Watches a stream that has something outstanding. */
    void add(LaneStream stream) {
        watched.add(stream);
        if (!scheduled) {
            schedule();
        }
    }

    /** A stream has nothing outstanding any more. */
    void remove(LaneStream stream) {
        watched.remove(stream);
    }

    private void schedule() {
        scheduled = true;
        lane.schedule(timeout.dividedBy(QUIET_CHECKS), this::check);
    }

    private void check() {
        scheduled = false;
        watched.removeIf(stream -> !stream.isBusy());
        for (LaneStream stream : List.copyOf(watched)) {
            if (stream.countQuietCheck() >= QUIET_CHECKS) {
                stream.transfer()
                        .fail(
                                TransferErrorCode.PEER_LOST,
                                "no progress with bytes outstanding for kvferry.tcp.progress-timeout=" + timeout
                                        + " on " + lane);
            }
        }
        if (!watched.isEmpty() && !lane.isClosing()) {
            schedule();
        }
    }
}
