package io.kvferry.backend.mooncake;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.TransferException;
import io.netty.channel.Channel;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs tasks on a channel's event loop, now or when a deadline passes; drops them once loop or scheduler has ended.
 * Thread-safe.
 */
record LoopTasks(Channel channel, Scheduler scheduler) {
    private static final Logger LOG = LoggerFactory.getLogger(LoopTasks.class);

    void execute(Runnable task) {
        try {
            channel.eventLoop().execute(task);
        } catch (RejectedExecutionException ended) {
            LOG.debug("{}: the event loop has ended", channel);
        }
    }

    /** Null if nothing is scheduled any more. */
    Scheduler.@Nullable Scheduled schedule(Deadline when, Runnable task) {
        try {
            return scheduler.schedule(when, () -> execute(task));
        } catch (TransferException closing) {
            LOG.debug("{}: the scheduler has ended", channel);
            return null;
        }
    }
}
