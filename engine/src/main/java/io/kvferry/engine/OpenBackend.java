package io.kvferry.engine;

import io.kvferry.spi.BackendInfo;
import io.kvferry.spi.BackendOffer;
import io.kvferry.spi.Capability;
import io.kvferry.spi.CloseReport;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.MemoryKind;
import io.kvferry.spi.Operation;
import io.kvferry.spi.ResetScope;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferBackend;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * A backend this engine has open.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class OpenBackend {
    private final int index;
    private final TransferBackend backend;
    private final BackendInfo info;
    private final BackendOffer offer;
    private final boolean serves;
    private final AtomicInteger transfers = new AtomicInteger();
    private final AtomicReference<@Nullable CompletableFuture<Void>> instanceReset = new AtomicReference<>();
    private volatile boolean closing;

    /**
     * @param index its position in {@code kvferry.backend}
     * @param offer what peers are told
     * @param serves false where its isolation is below {@code kvferry.min-isolation}: it may fetch and send, not offer
     */
    OpenBackend(int index, TransferBackend backend, BackendInfo info, BackendOffer offer, boolean serves) {
        this.index = index;
        this.backend = backend;
        this.info = info;
        this.offer = offer;
        this.serves = serves;
    }

    int index() {
        return index;
    }

    TransferBackend backend() {
        return backend;
    }

    BackendInfo info() {
        return info;
    }

    BackendOffer offer() {
        return offer;
    }

    boolean serves() {
        return serves;
    }

    String name() {
        return info.name();
    }

    boolean moves(MemoryKind kind) {
        return info.can(
                switch (kind) {
                    case HOST -> Capability.HOST_MEMORY;
                    case CUDA -> Capability.CUDA_MEMORY;
                });
    }

    boolean does(Operation operation) {
        return info.can(
                switch (operation) {
                    case READ -> Capability.READ;
                    case WRITE -> Capability.WRITE;
                });
    }

    /** Closes the backend; nothing else is asked of it from here on. */
    CloseReport close(Deadline deadline) {
        closing = true;
        return backend.close(deadline);
    }

    /** Counts a transfer in, of either side, quarantined ones included. */
    void enter() {
        if (transfers.incrementAndGet() > info.limits().maxTransfers()) {
            transfers.decrementAndGet();
            throw new TransferException(
                    TransferErrorCode.RESOURCE_EXHAUSTED,
                    Stage.PREPARE,
                    "backend " + name() + " has " + info.limits().maxTransfers() + " transfers in hand, its limit");
        }
    }

    void leave() {
        transfers.decrementAndGet();
    }

    /**
     * Fences; a reset of the whole instance that is under way already is joined.
     *
     * @return true if this call's own reset succeeded; false if another's was joined, after which quiescence shows itself,
     *     or if the backend is being closed, which fences it or says that it cannot
     */
    boolean fence(ResetScope scope, Deadline deadline, Waits waits) {
        if (closing) {
            return false;
        }
        if (!(scope instanceof ResetScope.Instance)) {
            backend.reset(scope, deadline);
            return true;
        }
        CompletableFuture<Void> mine = new CompletableFuture<>();
        CompletableFuture<Void> running = instanceReset.compareAndExchange(null, mine);
        if (running != null) {
            waits.until(running, deadline, Stage.FINISH);
            return false;
        }
        try {
            backend.reset(scope, deadline);
            return true;
        } finally {
            instanceReset.set(null);
            mine.complete(null);
        }
    }
}
