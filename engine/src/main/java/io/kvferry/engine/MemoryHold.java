package io.kvferry.engine;

import io.kvferry.spi.BlockList;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.ResetScope;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Side;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One side's memory of one transfer, locked from before the backend sees it until quiescence is proved (R4).
 *
 * <p>Where a backend cannot prove it at once, the hold goes into quarantine and is fenced on a clock: its connections after
 * {@code kvferry.finish-grace}, the backend instance after as long again.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class MemoryHold {
    private static final Logger LOG = LoggerFactory.getLogger(MemoryHold.class);

    private final EngineContext context;
    private final MemoryRegistry registry;
    private final Quarantine quarantine;
    private final BlockList blocks;
    private final OpenBackend backend;
    private final TransferId id;
    private final int attempt;
    private final Side side;

    // guarded by this
    private boolean proved;
    private boolean quarantined;
    private @Nullable CompletableFuture<Void> whenQuiescent;
    private Scheduler.@Nullable Scheduled escalation;

    /** Locks the memory of some blocks, or throws as {@link MemoryRegistry#acquire}. */
    MemoryHold(
            EngineContext context,
            MemoryRegistry registry,
            Quarantine quarantine,
            BlockList blocks,
            OpenBackend backend,
            TransferId id,
            int attempt,
            Side side) {
        this.context = context;
        this.registry = registry;
        this.quarantine = quarantine;
        this.blocks = blocks;
        this.backend = backend;
        this.id = id;
        this.attempt = attempt;
        this.side = side;
        backend.enter();
        try {
            registry.acquire(blocks);
        } catch (TransferException e) {
            backend.leave();
            throw e;
        }
    }

    /** Takes a backend's answer to finish. */
    void settle(Quiescence answer) {
        if (answer == Quiescence.QUIESCENT) {
            release();
            return;
        }
        synchronized (this) {
            if (proved || quarantined) {
                return;
            }
            quarantined = true;
            quarantine.add(this);
        }
        escalateAfterGrace(new ResetScope.Connection(id, attempt));
    }

    /** Gives the memory back: its side is quiescent. Only the first call counts. */
    void release() {
        CompletableFuture<Void> waiters;
        Scheduler.Scheduled pending;
        synchronized (this) {
            if (proved) {
                return;
            }
            proved = true;
            waiters = whenQuiescent;
            pending = escalation;
            if (quarantined) {
                quarantine.remove(this);
            }
        }
        if (pending != null) {
            pending.cancel();
        }
        registry.release(blocks);
        backend.leave();
        if (waiters != null) {
            waiters.complete(null);
        }
    }

    Quiescence state() {
        synchronized (this) {
            return proved ? Quiescence.QUIESCENT : Quiescence.QUARANTINED;
        }
    }

    boolean isQuarantined() {
        synchronized (this) {
            return quarantined && !proved;
        }
    }

    /** Completes when the memory has been given back. */
    CompletableFuture<Void> whenQuiescent() {
        synchronized (this) {
            if (whenQuiescent == null) {
                whenQuiescent = new CompletableFuture<>();
                if (proved) {
                    whenQuiescent.complete(null);
                }
            }
            return whenQuiescent;
        }
    }

    /** Runs something on the engine's executor once the memory has been given back, at the latest after the grace. */
    void afterDrain(Runnable then) {
        CompletableFuture<Void> drained = whenQuiescent().copy();
        Scheduler.Scheduled grace;
        try {
            grace = context.scheduler().schedule(context.finishGrace(), () -> drained.complete(null));
        } catch (TransferException closing) {
            then.run();
            return;
        }
        var ignored = drained.thenRunAsync(
                () -> {
                    grace.cancel();
                    then.run();
                },
                context.executor());
    }

    /** Bytes that stay locked although their transfer has ended. */
    long quarantinedBytes() {
        return isQuarantined() ? bytes() : 0;
    }

    long bytes() {
        return blocks.totalBytes();
    }

    private void escalateAfterGrace(ResetScope scope) {
        Duration grace = context.settings().get(EngineConfigKeys.FINISH_GRACE);
        try {
            keep(context.scheduler()
                    .schedule(context.after(grace), () -> context.executor().execute(() -> fence(scope, grace))));
        } catch (TransferException closing) {
            LOG.debug("{} is left to close(), which names it", this);
        }
    }

    /** What drains within the grace, as most does, leaves no timer behind. */
    private void keep(Scheduler.Scheduled timer) {
        synchronized (this) {
            if (!proved) {
                escalation = timer;
                return;
            }
        }
        timer.cancel();
    }

    private void fence(ResetScope scope, Duration grace) {
        if (state() == Quiescence.QUIESCENT) {
            return;
        }
        LOG.warn("{} is not quiet after {}: fencing {}", this, grace, scope);
        try {
            if (backend.fence(scope, context.after(grace), context.waits())) {
                release();
                return;
            }
        } catch (RuntimeException | Error e) {
            LOG.warn("{}: {} could not be fenced", this, scope, e);
        }
        if (scope instanceof ResetScope.Connection) {
            escalateAfterGrace(new ResetScope.Instance());
        } else if (state() == Quiescence.QUARANTINED) {
            LOG.error("{} stays in quarantine until the backend proves it quiet or the process ends", this);
        }
    }

    @Override
    public String toString() {
        return "transfer " + id + " attempt " + attempt + " (" + side + ", " + backend.name() + ", " + bytes()
                + " bytes)";
    }
}
