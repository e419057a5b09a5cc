package io.kvferry.netty;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TimedWait;
import io.kvferry.spi.TransferException;
import io.netty.channel.EventLoopGroup;
import io.netty.util.concurrent.EventExecutor;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * What is done with all event loops of a backend at once.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public final class EventLoops {
    private EventLoops() {}

    /**
     * Waits for what is queued in each loop: a connection that was accepted last may wait there to be registered.
     *
     * @param loops the loops
     * @return completes when each loop has run what was queued before
     */
    public static CompletableFuture<Void> pass(EventLoopGroup loops) {
        List<CompletableFuture<Void>> passed = new ArrayList<>();
        for (EventExecutor loop : loops) {
            passed.add(CompletableFuture.runAsync(() -> {}, loop));
        }
        return CompletableFuture.allOf(passed.toArray(CompletableFuture[]::new));
    }

    /**
     * Ends the loops, and waits until they have ended.
     *
     * @param loops the loops, which drive no channel any more
     * @param deadline until when to wait
     * @param scheduler the clock of the deadline
     * @return false if they have not ended in time
     */
    @SuppressWarnings("FutureReturnValueIgnored") // the termination is what is waited for
    public static boolean end(EventLoopGroup loops, Deadline deadline, Scheduler scheduler) {
        CompletableFuture<Boolean> ended = new CompletableFuture<>();
        loops.terminationFuture().addListener(done -> ended.complete(true));
        loops.shutdownGracefully(0, Math.max(1, deadline.remainingNanos()), TimeUnit.NANOSECONDS);
        try {
            return TimedWait.await(ended, deadline, scheduler, Stage.CLOSE, "ending the event loops");
        } catch (TransferException late) {
            return false;
        }
    }
}
