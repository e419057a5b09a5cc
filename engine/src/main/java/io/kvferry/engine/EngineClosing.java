package io.kvferry.engine;

import io.kvferry.spi.CloseReport;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Closes an engine once, in bounded time: first what users have in hand, then what it stands on (R20).
 *
 * <p><b>Threads:</b> Thread-safe. Whoever comes second waits for the first.
 */
final class EngineClosing {
    private final EngineParts parts;
    private volatile boolean closing;
    // guarded by this
    private @Nullable CompletableFuture<CloseReport> closed;

    EngineClosing(EngineParts parts) {
        this.parts = parts;
    }

    void checkOpen(Stage stage) {
        if (closing) {
            throw new TransferException(TransferErrorCode.SHUTTING_DOWN, stage, "this engine is closed");
        }
    }

    CloseReport close(Deadline deadline) {
        Waits waits = parts.context().waits();
        waits.checkClock(deadline);
        CompletableFuture<CloseReport> mine = new CompletableFuture<>();
        CompletableFuture<CloseReport> other;
        synchronized (this) {
            other = closed;
            closing = true;
            if (other == null) {
                closed = mine;
            }
        }
        if (other != null) {
            return waits.until(other, deadline, Stage.CLOSE)
                    ? other.join()
                    : new CloseReport(List.of("another thread is closing this engine still"));
        }
        try {
            mine.complete(closeOnce(waits, deadline));
        } finally {
            mine.complete(new CloseReport(List.of("closing did not end in good order; the log says why")));
            waits.endClose();
            parts.threads().stop(deadline);
        }
        return mine.join();
    }

    private CloseReport closeOnce(Waits waits, Deadline deadline) {
        ClosingSteps steps = new ClosingSteps();
        Quarantine quarantine = parts.quarantine();
        steps.run("leases and transfers", () -> {
            CompletableFuture<Void> leasesEnded = parts.leases().close();
            CompletableFuture<Void> transfersEnded = parts.initiator().close();
            waits.until(CompletableFuture.allOf(leasesEnded, transfersEnded), deadline, Stage.CLOSE);
        });
        steps.run(
                "quarantine",
                () -> quarantine.whenQuiescent().forEach(quiet -> waits.until(quiet, deadline, Stage.CLOSE)));
        steps.run("notices to targets", () -> parts.initiator().awaitFinishes(deadline));
        steps.run("memory", () -> closeMemory(steps, deadline));
        quarantine.describe().forEach(steps::abandon);
        steps.run("peer control", () -> parts.peerControl().close(deadline));
        steps.run(
                "backends",
                () -> parts.backends()
                        .close(deadline)
                        .forEach(report -> report.abandoned().forEach(steps::abandon)));
        return steps.report();
    }

    private void closeMemory(ClosingSteps steps, Deadline deadline) {
        parts.memory().close();
        for (Memory each : parts.memory().all()) {
            if (!each.closeForGood(deadline)) {
                steps.abandon(each + "; it stays mapped");
            }
        }
    }
}
