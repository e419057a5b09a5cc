package io.kvferry.conformance;

import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Capability;
import io.kvferry.spi.MemoryHandle;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferObserver;
import java.util.BitSet;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One side of one transfer: hears what the backend reports before the engine does, and knows when this side is quiescent.
 * Thread-safe.
 */
final class WatchedSide implements TransferObserver {
    private final String name;
    private final TransferId id;
    private final int attempt;
    private final int blocks;
    private final TransferObserver engine;
    private final Watch watch;

    private final Object lock = new Object();
    // guarded by lock
    private final BitSet applied = new BitSet();
    private List<MemoryHandle> handles = List.of();
    private boolean begun;
    private boolean finishCalled;
    private @Nullable Quiescence answer;
    private boolean quiesced;
    private boolean over;
    /** Set while a late completion is played: the engine hears of quiescence only when the gate opens. */
    private boolean withheld;
    /** Set once the backend was asked to fence this side. */
    private boolean fencing;
    /** Set for the target of a backend that plays one without REVOKE: until it is fenced it cannot tell that its peer is done. */
    private final boolean cannotTell;

    WatchedSide(String role, TransferId id, int attempt, int blocks, TransferObserver engine, Watch watch) {
        this.name = role + " of " + id + "/" + attempt;
        this.id = id;
        this.attempt = attempt;
        this.blocks = blocks;
        this.engine = engine;
        this.watch = watch;
        this.cannotTell = role.equals("target") && watch.withheld().contains(Capability.REVOKE);
    }

    /** The backend's accept or prepare has returned. */
    WatchedSide begin(List<MemoryHandle> usedHandles) {
        synchronized (lock) {
            begun = true;
            handles = List.copyOf(usedHandles);
        }
        watch.hold(this);
        return this;
    }

    /** The backend's accept or prepare has thrown. */
    void never() {
        synchronized (lock) {
            over = true;
        }
    }

    boolean isUnfinished() {
        synchronized (lock) {
            return begun && !finishCalled;
        }
    }

    boolean uses(MemoryHandle handle) {
        synchronized (lock) {
            return begun && !over && handles.contains(handle);
        }
    }

    @Override
    public void applied(BlockRange range) {
        synchronized (lock) {
            check("applied");
            if (range.end() > blocks) {
                watch.violated("backend: " + this + " applied " + range + " of " + blocks + " blocks");
            } else if (applied.get(range.first(), range.end()).cardinality() > 0) {
                watch.violated("backend: " + this + " applied a block of " + range + " twice");
            }
            applied.set(range.first(), range.end());
        }
        switch (watch.faults().next("applied")) {
            case FaultPlan.Drop lost -> {}
            case FaultPlan.Freeze freeze -> freeze.gate().whenOpen(() -> engine.applied(range));
            default -> engine.applied(range);
        }
    }

    @Override
    public void failed(TransferError error) {
        synchronized (lock) {
            check("failed");
        }
        engine.failed(error);
    }

    @Override
    public void quiesced() {
        boolean tell;
        synchronized (lock) {
            check("quiesced");
            if (!finishCalled) {
                watch.violated("backend: " + this + " quiesced before it was asked to finish");
            }
            if (quiesced) {
                watch.violated("backend: " + this + " quiesced twice");
            }
            if (answer == Quiescence.QUIESCENT) {
                watch.violated("backend: " + this + " quiesced although finish had answered QUIESCENT");
            }
            quiesced = true;
            tell = !withheld && (!cannotTell || fencing);
        }
        if (tell) {
            tellQuiesced();
        }
    }

    private void tellQuiesced() {
        settle();
        engine.quiesced();
    }

    private void settle() {
        synchronized (lock) {
            over = true;
        }
        watch.drop(this);
    }

    private void check(String call) {
        if (!begun) {
            watch.violated("backend: " + this + " reported " + call + " before it was accepted or prepared");
        }
    }

    /** The backend is asked to fence this side: what it proves from here on is told, however late. */
    void fencing() {
        synchronized (lock) {
            fencing |= finishCalled;
        }
    }

    /** The fence took longer than its deadline; what had been proved before it will not be proved again. */
    void fencedLate() {
        boolean proved;
        synchronized (lock) {
            proved = cannotTell && fencing && !withheld && (quiesced || answer == Quiescence.QUIESCENT);
        }
        if (proved) {
            tellQuiesced();
        }
    }

    /** What a backend's failure of this side would be. */
    void fail(TransferError error) {
        engine.failed(error);
    }

    /** The backend has fenced this side: that proves it, whatever a late completion would still say. */
    void fenced() {
        synchronized (lock) {
            if (!finishCalled) {
                return;
            }
        }
        settle();
    }

    boolean isOf(TransferId transfer, int number) {
        return id.equals(transfer) && attempt == number;
    }

    /** Finishes the backend's transfer, perhaps with a late completion; returns what the engine is told. */
    Quiescence finish(FaultPlan.Action action, Supplier<Quiescence> backend) {
        boolean late;
        synchronized (lock) {
            finishCalled = true;
            late = action instanceof FaultPlan.Freeze && answer == null && !withheld;
            // before the call: the backend may say quiesced while it is under way
            withheld |= late;
        }
        Quiescence proved = backend.get();
        if (late && action instanceof FaultPlan.Freeze freeze) {
            answerLate(proved);
            freeze.gate().whenOpen(this::reveal);
            return Quiescence.QUARANTINED;
        }
        synchronized (lock) {
            if (withheld) {
                return Quiescence.QUARANTINED;
            }
            if (answer == Quiescence.QUIESCENT && proved == Quiescence.QUARANTINED) {
                watch.violated("backend: " + this + " finished QUIESCENT once and QUARANTINED later");
            }
            answer = proved;
        }
        if (proved == Quiescence.QUIESCENT) {
            settle();
        }
        return proved;
    }

    private void answerLate(Quiescence proved) {
        synchronized (lock) {
            answer = Quiescence.QUARANTINED;
            quiesced |= proved == Quiescence.QUIESCENT;
        }
    }

    private void reveal() {
        boolean proved;
        synchronized (lock) {
            withheld = false;
            proved = quiesced;
        }
        if (proved) {
            tellQuiesced();
        }
    }

    @Override
    public String toString() {
        return name;
    }
}
