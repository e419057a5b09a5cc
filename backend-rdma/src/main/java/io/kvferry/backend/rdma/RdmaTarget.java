package io.kvferry.backend.rdma;

import io.kvferry.backend.rdma.adapter.RdmaGrant;
import io.kvferry.spi.BlockClaims;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Descriptor;
import io.kvferry.spi.LeaseKey;
import io.kvferry.spi.MemoryGate;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.Side;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TargetPlan;
import io.kvferry.spi.TargetTransfer;
import io.kvferry.spi.TransferError;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferStatus;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The target's side: leased memory that an initiator reaches without this process. The initiator stands in the gate until it
 * said that it is drained, or its connection is closed; then the grants are revoked. In this order, because a key that is
 * taken from under a batch in flight fails its connection, with all other transfers on it. Thread-safe.
 */
final class RdmaTarget implements TargetTransfer {
    private final TargetPlan plan;
    private final long slot;
    private final LeaseKey key;
    private final List<RdmaGrant> grants;
    private final IncomingLink link;
    private final Descriptor descriptor;
    private final Runnable released;
    private final MemoryGate gate = new MemoryGate(this::quiesced);
    private final Progress progress;
    private final BlockClaims told;
    private final AtomicBoolean drained = new AtomicBoolean();
    private final AtomicBoolean over = new AtomicBoolean();

    /** @param released runs once, when the lease is quiescent and its place is free */
    RdmaTarget(
            TargetPlan plan,
            long slot,
            LeaseKey key,
            Windows windows,
            IncomingLink link,
            long instance,
            Runnable released) {
        this.plan = plan;
        this.slot = slot;
        this.key = key;
        this.grants = windows.grants();
        this.link = link;
        this.released = released;
        this.progress = new Progress(plan.blocks(), gate);
        this.told = new BlockClaims(plan.blocks().size());
        this.descriptor = new RdmaDescriptor(
                        instance,
                        link.name().number(),
                        link.hello(),
                        slot,
                        key,
                        plan.operation(),
                        windows.windows(),
                        windows.addresses(),
                        windows.windowOf())
                .encode(plan.blocks());
        gate.enter();
    }

    TargetPlan plan() {
        return plan;
    }

    long slot() {
        return slot;
    }

    LeaseKey key() {
        return key;
    }

    boolean isDrained() {
        return drained.get();
    }

    /** The initiator will not touch the memory any more. */
    void drained() {
        if (drained.compareAndSet(false, true)) {
            gate.leave();
        }
    }

    /** Owner thread: the initiator says that blocks are applied. It is not trusted to name real ones, or each once. */
    void applied(int first, int count) {
        boolean real = first >= 0 && count > 0 && count <= plan.blocks().size() - first;
        if (real && told.claim(first, first + count)) {
            BlockRange range = new BlockRange(first, count);
            progress.applied(range);
            plan.observer().applied(range);
        }
    }

    /** The connection has failed; what the initiator had finished with before is none of its concern. */
    void fail(TransferErrorCode code, String detail) {
        gate.seal();
        TransferError failure = new TransferError(code, code.number(), Stage.TRANSFER, Side.TARGET, "", false, detail);
        if (!isDrained() && progress.fail(failure)) {
            plan.observer().failed(failure);
        }
    }

    @Override
    public Descriptor descriptor() {
        return descriptor;
    }

    @Override
    public TransferStatus status() {
        return progress.status();
    }

    @Override
    public void seal() {
        gate.seal();
    }

    @Override
    public Quiescence finish(Deadline grace) {
        Quiescence quiescence = gate.finish();
        if (quiescence == Quiescence.QUIESCENT) {
            end();
        } else {
            link.stop(this);
        }
        return quiescence;
    }

    private void quiesced() {
        end();
        plan.observer().quiesced();
    }

    private void end() {
        if (over.compareAndSet(false, true)) {
            grants.forEach(RdmaGrant::revoke);
            link.remove(this);
            released.run();
        }
    }

    @Override
    public String toString() {
        return "lease of " + plan.operation() + " " + plan.id() + "/" + plan.attempt() + " of "
                + plan.blocks().totalBytes() + " bytes to " + plan.peer();
    }
}
