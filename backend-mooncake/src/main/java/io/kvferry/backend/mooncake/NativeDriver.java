package io.kvferry.backend.mooncake;

import io.kvferry.backend.mooncake.adapter.MooncakeAdapter;
import io.kvferry.backend.mooncake.adapter.MooncakeAdapterProvider;
import io.kvferry.backend.mooncake.adapter.MooncakeNotification;
import io.kvferry.backend.mooncake.adapter.MooncakeTasks;
import io.kvferry.spi.ForeignMessages;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.lang.foreign.Arena;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Drives the native engine on its thread: registers memory, hands batches to the library and asks after them, and replaces
 * the engine where something in it does not end. Thread-safe; private methods are the thread's.
 */
final class NativeDriver implements NativeThread.Work {
    private static final Logger LOG = LoggerFactory.getLogger(NativeDriver.class);

    private final MooncakeAdapterProvider adapters;
    private final NativeConfig config;
    private final NativeThread thread;
    private final boolean acknowledgesWrites;
    private final AtomicLong registrations = new AtomicLong();
    private final Arena arena = Arena.ofShared();
    /** Where evidence is read to; 0 where none is needed. */
    private final long evidenceAt;

    private volatile ForeignMessages messages = (from, message) -> CompletableFuture.completedFuture(false);
    private volatile NativeEngine engine;
    private volatile @Nullable TransferException broken;

    // the thread's
    private final NativeMemories memories = new NativeMemories();
    private final ArrayDeque<NativeInitiator> turns = new ArrayDeque<>();
    private final List<NativeBatch> batches = new ArrayList<>();
    private final MooncakeTasks scratch;

    NativeDriver(MooncakeAdapterProvider adapters, NativeConfig config) {
        this.adapters = adapters;
        this.config = config;
        this.scratch = new MooncakeTasks(config.adapter().maxTasks());
        this.thread = new NativeThread(this, config.pollInterval());
        this.evidenceAt = config.isTcp() ? 0 : arena.allocate(4096, 4096).address();
        try {
            this.engine = make();
        } catch (RuntimeException e) {
            arena.close();
            throw e;
        }
        this.acknowledgesWrites = engine.adapter().acknowledgesWrites();
        thread.start();
    }

    private NativeEngine make() {
        MooncakeAdapter adapter = adapters.open(config.adapter());
        try {
            if (evidenceAt != 0) {
                adapter.registerMemory(evidenceAt, 4096);
            }
            memories.moveTo(adapter);
            registrations.incrementAndGet();
            return new NativeEngine(adapter, config.maxSegments());
        } catch (RuntimeException e) {
            adapter.close();
            throw e;
        }
    }

    NativeEngine engine() {
        return engine;
    }

    boolean acknowledgesWrites() {
        return acknowledgesWrites;
    }

    /** Changes whenever the segment does. */
    long registrations() {
        return registrations.get();
    }

    /** Throws where the engine is gone for good. */
    void check(Stage stage) {
        TransferException reason = broken;
        if (reason != null) {
            throw new TransferException(
                    TransferErrorCode.BACKEND_UNAVAILABLE,
                    stage,
                    "the native engine could not be replaced: " + reason.error().detail() + "; open the backend again",
                    reason);
        }
    }

    void listen(ForeignMessages taker) {
        messages = taker;
    }

    void execute(Runnable task) {
        thread.execute(task);
    }

    CompletableFuture<Void> register(MemoryRegion region) {
        return on(() -> {
            check(Stage.REGISTER);
            memories.add(engine.adapter(), region);
            registrations.incrementAndGet();
        });
    }

    CompletableFuture<Void> deregister(MemoryRegion region) {
        return on(() -> {
            if (broken == null) {
                memories.remove(engine.adapter(), region);
            }
        });
    }

    private CompletableFuture<Void> on(Runnable task) {
        CompletableFuture<Void> done = new CompletableFuture<>();
        thread.execute(() -> {
            try {
                task.run();
                done.complete(null);
            } catch (RuntimeException e) {
                done.completeExceptionally(e);
            }
        });
        return done;
    }

    /** The engine's thread: a transfer has blocks to move. */
    void enqueue(NativeInitiator transfer) {
        turns.add(transfer);
    }

    @Override
    public boolean isWaiting() {
        return !batches.isEmpty();
    }

    @Override
    public boolean poll() {
        boolean moved = false;
        if (broken == null && batches.isEmpty()) {
            engine.adapter().notifications().forEach(this::deliver);
        }
        while (batches.size() < config.maxBatches() && !turns.isEmpty()) {
            moved = true;
            begin(turns.remove());
        }
        for (int i = batches.size() - 1; i >= 0; i--) {
            NativeBatch batch = batches.get(i);
            moved |= batch.poll(scratch);
            if (batch.isOver()) {
                batches.remove(i);
            }
        }
        return moved;
    }

    private void deliver(MooncakeNotification told) {
        byte[] message = Messages.encode(new TreeMap<>(Map.of("name", told.name(), "notify_msg", told.text())));
        var ignored = messages.deliver("unknown", message).thenAccept(taken -> {
            if (!taken) {
                LOG.warn("a notification '{}' came, and nobody has taken it", told.name());
            }
        });
    }

    private void begin(NativeInitiator transfer) {
        NativeBatch batch = transfer.next(config.adapter().maxTasks(), evidenceAt);
        if (batch == null) {
            return;
        }
        batches.add(batch);
        batch.start(scratch);
        if (transfer.hasPending()) {
            turns.add(transfer);
        }
    }

    /**
     * Ends the engine, and with it all that it has in flight, and makes another.
     *
     * @param ended runs when nothing of the old engine touches any memory
     */
    CompletableFuture<Void> replace(Runnable ended) {
        NativeEngine old = engine;
        return old.ended()
                .thenCompose(idle -> on(() -> {
                    if (end(old, ended)) {
                        try {
                            engine = make();
                        } catch (TransferException e) {
                            broken = e;
                            throw e;
                        }
                    }
                }));
    }

    /** Ends the engine and its thread. */
    CompletableFuture<Void> close(Runnable ended) {
        NativeEngine last = engine;
        return last.ended()
                .thenCompose(idle -> on(() -> {
                    broken = new TransferException(
                            TransferErrorCode.SHUTTING_DOWN, Stage.CLOSE, "the mooncake backend is closed");
                    end(last, ended);
                }))
                .thenCompose(nothing -> thread.stop())
                .thenRun(arena::close);
    }

    /** Returns false where somebody else has ended it. */
    private boolean end(NativeEngine old, Runnable ended) {
        if (old.isOver()) {
            return false;
        }
        old.close();
        List<NativeBatch> lost = List.copyOf(batches);
        batches.clear();
        turns.clear();
        ended.run();
        lost.forEach(batch -> batch.transfer().ended(batch));
        return true;
    }
}
