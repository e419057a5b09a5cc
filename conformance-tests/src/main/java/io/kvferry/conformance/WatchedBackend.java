package io.kvferry.conformance;

import io.kvferry.spi.BackendEndpoint;
import io.kvferry.spi.BackendInfo;
import io.kvferry.spi.Capability;
import io.kvferry.spi.CloseReport;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Descriptor;
import io.kvferry.spi.DeviceMemory;
import io.kvferry.spi.ForeignMessages;
import io.kvferry.spi.InitiatorPlan;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.MemoryHandle;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Proposal;
import io.kvferry.spi.ResetScope;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TargetPlan;
import io.kvferry.spi.TargetTransfer;
import io.kvferry.spi.TransferBackend;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferObserver;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/**
 * Stands between an engine and a backend: counts, checks what each promised the other, and lets things go wrong there that
 * a test cannot make every library do.
 */
final class WatchedBackend implements TransferBackend {
    private final TransferBackend delegate;
    private final Watch watch;
    private final BackendInfo info;
    private final Set<MemoryRegion> registered = ConcurrentHashMap.newKeySet();
    private final Set<WatchedSide> sides = ConcurrentHashMap.newKeySet();
    private volatile boolean closed;

    WatchedBackend(TransferBackend delegate, Watch watch) {
        this.delegate = delegate;
        this.watch = watch;
        this.info = withheld(delegate.info(), watch.withheld());
    }

    private static BackendInfo withheld(BackendInfo info, Set<Capability> withheld) {
        EnumSet<Capability> left = EnumSet.noneOf(Capability.class);
        left.addAll(info.capabilities());
        left.removeAll(withheld);
        return new BackendInfo(
                info.name(),
                info.wireId(),
                left,
                info.isolation(),
                info.abortScope(),
                info.limits(),
                info.description());
    }

    @Override
    public BackendInfo info() {
        if (!withheld(delegate.info(), watch.withheld()).equals(info)) {
            watch.violated("backend: info() answers differently from one call to the next");
        }
        return info;
    }

    @Override
    public BackendEndpoint endpoint() {
        BackendEndpoint endpoint = delegate.endpoint();
        if (!endpoint.equals(delegate.endpoint())) {
            watch.violated("backend: endpoint() answers differently from one call to the next");
        }
        return watch.shown(endpoint);
    }

    @Override
    public MemoryHandle register(MemoryRegion region, Deadline deadline) {
        enter("register", deadline);
        MemoryHandle handle = guarded("register", () -> delegate.register(region, deadline));
        if (!handle.region().equals(region)) {
            watch.violated("backend: register answered a handle of another region");
        }
        if (!registered.add(region)) {
            watch.violated("engine: registers " + region + " twice");
        }
        Registration registration = new Registration(handle);
        watch.hold(registration);
        return registration;
    }

    @Override
    public Proposal propose(InitiatorPlan plan) {
        enter("propose", plan.deadline());
        // never begun: whoever reports on a plan that was only proposed breaks a promise
        WatchedSide side = new WatchedSide(
                "proposal", plan.id(), plan.attempt(), plan.blocks().size(), plan.observer(), watch);
        return guarded("propose", () -> delegate.propose(initiatorPlan(plan, side)));
    }

    private InitiatorPlan initiatorPlan(InitiatorPlan plan, WatchedSide side) {
        return new InitiatorPlan(
                plan.id(),
                plan.attempt(),
                plan.operation(),
                plan.self(),
                plan.peer(),
                plan.peerEndpoint(),
                plan.blocks(),
                own(plan.handles()),
                plan.checksum(),
                plan.deadline(),
                side,
                plan.channel());
    }

    private List<MemoryHandle> own(List<MemoryHandle> handles) {
        List<MemoryHandle> own = new ArrayList<>(handles.size());
        for (MemoryHandle handle : handles) {
            Registration registration = (Registration) handle;
            if (registration.returned) {
                watch.violated("engine: uses " + registration + " after it was deregistered");
            }
            own.add(registration.handle);
        }
        return own;
    }

    @Override
    public TargetTransfer accept(TargetPlan plan, Proposal proposal, Deadline deadline) {
        enter("accept", deadline);
        WatchedSide side =
                side("target", plan.id(), plan.attempt(), plan.blocks().size(), plan.observer());
        Proposal shown = watch.faults().next("proposal") instanceof FaultPlan.Corrupt
                ? new Proposal(watch.flipOneBit(proposal.toByteArray()))
                : proposal;
        TargetPlan own = new TargetPlan(
                plan.id(),
                plan.attempt(),
                plan.epoch(),
                plan.operation(),
                plan.self(),
                plan.peer(),
                plan.blocks(),
                own(plan.handles()),
                plan.deadline(),
                side,
                plan.channel());
        try {
            TargetTransfer transfer = guarded("accept", () -> delegate.accept(own, shown, deadline));
            return new WatchedTarget(transfer, side.begin(plan.handles()), watch);
        } catch (RuntimeException e) {
            side.never();
            throw e;
        }
    }

    @Override
    public InitiatorTransfer prepare(InitiatorPlan plan, Descriptor descriptor, Deadline deadline) {
        enter("prepare", deadline);
        WatchedSide side =
                side("initiator", plan.id(), plan.attempt(), plan.blocks().size(), plan.observer());
        InitiatorPlan own = initiatorPlan(plan, side);
        Descriptor shown = watch.faults().next("descriptor") instanceof FaultPlan.Corrupt
                ? new Descriptor(watch.flipOneBit(descriptor.toByteArray()))
                : descriptor;
        try {
            InitiatorTransfer transfer = guarded("prepare", () -> delegate.prepare(own, shown, deadline));
            return new WatchedInitiator(transfer, side.begin(plan.handles()), watch);
        } catch (RuntimeException e) {
            side.never();
            throw e;
        }
    }

    private WatchedSide side(String role, TransferId id, int attempt, int blocks, TransferObserver observer) {
        WatchedSide side = new WatchedSide(role, id, attempt, blocks, observer, watch);
        sides.add(side);
        return side;
    }

    @Override
    public void reset(ResetScope scope, Deadline deadline) {
        enter("reset", deadline);
        List<WatchedSide> fenced =
                sides.stream().filter(side -> isIn(scope, side)).toList();
        fenced.forEach(WatchedSide::fencing);
        try {
            guarded("reset", () -> {
                delegate.reset(scope, deadline);
                return true;
            });
        } catch (TransferException e) {
            if (e.code() == TransferErrorCode.DEADLINE_EXCEEDED) {
                fenced.forEach(WatchedSide::fencedLate);
            }
            throw e;
        }
        fenced.forEach(WatchedSide::fenced);
    }

    private boolean isIn(ResetScope scope, WatchedSide side) {
        return switch (scope) {
            case ResetScope.Connection(var id, int attempt) -> side.isOf(id, attempt);
            case ResetScope.Instance() -> true;
            case ResetScope.Peer peer -> {
                watch.called("reset.peer");
                yield false;
            }
        };
    }

    @Override
    public void listen(ForeignMessages messages) {
        delegate.listen(messages);
    }

    @Override
    public Optional<DeviceMemory> deviceMemory() {
        return delegate.deviceMemory();
    }

    @Override
    public CloseReport close(Deadline deadline) {
        closed = true;
        watch.called("close");
        for (WatchedSide side : sides) {
            if (side.isUnfinished()) {
                watch.violated("engine: closes the backend before it finished " + side);
            }
        }
        return guarded("close", () -> delegate.close(deadline));
    }

    private void enter(String point, Deadline deadline) {
        watch.called(point);
        if (closed) {
            watch.violated("engine: calls " + point + " after close");
        }
        switch (watch.faults().next(point)) {
            case FaultPlan.Refuse refuse ->
                throw new TransferException(refuse.code(), Stage.PREPARE, point + " was refused by the fault plan");
            case FaultPlan.Freeze freeze -> {
                if (!freeze.gate().pass(deadline)) {
                    throw new TransferException(
                            TransferErrorCode.DEADLINE_EXCEEDED, Stage.PREPARE, point + " was held by the fault plan");
                }
            }
            default -> {
                // the other actions mean nothing to a call
            }
        }
    }

    /** Only TransferException leaves a backend. */
    private <T> T guarded(String point, Supplier<T> call) {
        try {
            return call.get();
        } catch (TransferException e) {
            throw e;
        } catch (RuntimeException | Error e) {
            watch.violated("backend: " + point + " threw " + e);
            throw e;
        }
    }

    private final class Registration implements MemoryHandle {
        private final MemoryHandle handle;
        private volatile boolean returned;

        Registration(MemoryHandle handle) {
            this.handle = handle;
        }

        @Override
        public MemoryRegion region() {
            return handle.region();
        }

        @Override
        public void deregister(Deadline deadline) {
            watch.called("deregister");
            for (WatchedSide side : sides) {
                if (side.uses(this)) {
                    watch.violated("engine: deregisters " + this + " under " + side);
                }
            }
            guarded("deregister", () -> {
                handle.deregister(deadline);
                return true;
            });
            returned = true;
            registered.remove(region());
            watch.drop(this);
        }

        @Override
        public String toString() {
            return "registration of " + region();
        }
    }
}
