package io.kvferry.engine;

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
import io.kvferry.spi.MemoryKind;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Proposal;
import io.kvferry.spi.Quiescence;
import io.kvferry.spi.ResetScope;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TargetPlan;
import io.kvferry.spi.TargetTransfer;
import io.kvferry.spi.TransferBackend;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import io.kvferry.spi.TransferObserver;
import io.kvferry.spi.WireId;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * A backend that moves one kind of memory, made to move the other too by copying it ({@code kvferry.staging = pinned}). Both
 * sides of a transfer are staged or neither is: the wire id says so. Thread-safe.
 */
final class StagedBackend implements TransferBackend {
    private static final String SUFFIX = "-staged";
    private static final int MAX_WIRE_NAME = 32;

    private record Key(TransferId id, int attempt, PeerIdentity peer) {}

    private final TransferBackend backend;
    private final EngineContext context;
    private final MemoryKind moved;
    private final StagingPool pool;
    private final boolean seesParts;
    private final BackendInfo info;
    private final Map<StagedSide, Key> sides = new ConcurrentHashMap<>();

    private StagedBackend(TransferBackend backend, EngineContext context, MemoryKind moved, StagingPool pool) {
        this.backend = backend;
        this.context = context;
        this.moved = moved;
        this.pool = pool;
        this.seesParts = backend.info().can(Capability.TARGET_PROGRESS);
        this.info = staged(backend.info(), pool);
    }

    /** Stages a backend that moves only one kind of memory; others are returned as they are. */
    static TransferBackend around(
            TransferBackend backend, EngineContext context, DeviceMemory port, long poolBytes, Deadline deadline) {
        BackendInfo info = backend.info();
        boolean host = info.can(Capability.HOST_MEMORY);
        if (host == info.can(Capability.CUDA_MEMORY)) {
            return backend;
        }
        MemoryKind moved = host ? MemoryKind.HOST : MemoryKind.CUDA;
        return new StagedBackend(backend, context, moved, StagingPool.open(backend, moved, port, poolBytes, deadline));
    }

    private static BackendInfo staged(BackendInfo info, StagingPool pool) {
        EnumSet<Capability> capabilities = EnumSet.copyOf(info.capabilities());
        capabilities.addAll(EnumSet.of(Capability.HOST_MEMORY, Capability.CUDA_MEMORY, Capability.PEER_CHANNEL));
        String wire = info.wireId().name();
        String name = wire.substring(0, Math.min(wire.length(), MAX_WIRE_NAME - SUFFIX.length())) + SUFFIX;
        return new BackendInfo(
                info.name(),
                new WireId(name, info.wireId().version()),
                capabilities,
                info.isolation(),
                info.abortScope(),
                info.limits(),
                info.description() + ", staged through " + pool.region().sizeBytes() + " bytes of "
                        + pool.region().kind() + " memory");
    }

    @Override
    public BackendInfo info() {
        return info;
    }

    @Override
    public BackendEndpoint endpoint() {
        return backend.endpoint();
    }

    @Override
    public void listen(ForeignMessages messages) {
        backend.listen(messages);
    }

    @Override
    public Optional<DeviceMemory> deviceMemory() {
        return backend.deviceMemory();
    }

    @Override
    public MemoryHandle register(MemoryRegion region, Deadline deadline) {
        return new StagedHandle(region, region.kind() == moved ? backend.register(region, deadline) : null);
    }

    @Override
    public Proposal propose(InitiatorPlan plan) {
        // no room is lent before the target has agreed; what a backend proposes says nothing of where blocks lie
        List<MemoryHandle> handles = plan.handles().stream()
                .map(handle -> ((StagedHandle) handle).seenOr(pool.handle()))
                .toList();
        return backend.propose(new InitiatorPlan(
                plan.id(),
                plan.attempt(),
                plan.operation(),
                plan.self(),
                plan.peer(),
                plan.peerEndpoint(),
                plan.blocks(),
                handles,
                plan.checksum(),
                plan.deadline(),
                plan.observer(),
                null));
    }

    @Override
    public TargetTransfer accept(TargetPlan plan, Proposal proposal, Deadline deadline) {
        StagedSide side = begin(
                StagedBlocks.of(plan.blocks(), plan.handles(), moved, pool),
                plan.observer(),
                new Key(plan.id(), plan.attempt(), plan.peer()));
        StagedTarget target = new StagedTarget(side, plan.operation(), seesParts);
        try {
            StagedChannel channel = share(plan.channel(), side, target);
            target.use(channel);
            target.copyIn(deadline.earlier(copyDeadline()));
            target.over(backend.accept(inner(plan, side, target, channel), proposal, deadline));
            channel.listen();
            return target;
        } catch (RuntimeException e) {
            if (target.isCopying()) {
                side.blocks().afterCopies(() -> side.finish(Quiescence.QUIESCENT));
            } else {
                side.finish(Quiescence.QUIESCENT);
            }
            throw e;
        }
    }

    @Override
    public InitiatorTransfer prepare(InitiatorPlan plan, Descriptor descriptor, Deadline deadline) {
        StagedTarget.Opened opened = StagedTarget.Opened.of(descriptor);
        StagedSide side = begin(
                StagedBlocks.of(plan.blocks(), plan.handles(), moved, pool),
                plan.observer(),
                new Key(plan.id(), plan.attempt(), plan.peer()));
        try {
            StagedInitiator initiator = new StagedInitiator(side, plan.operation(), opened.targetCopies(), !seesParts);
            StagedChannel channel = share(plan.channel(), side, initiator);
            initiator.use(channel);
            initiator.over(backend.prepare(inner(plan, side, initiator, channel), opened.descriptor(), deadline));
            channel.listen();
            return initiator;
        } catch (RuntimeException e) {
            // nothing is copied before submit, and a backend that did not prepare knows no memory
            side.finish(Quiescence.QUIESCENT);
            throw e;
        }
    }

    private StagedSide begin(StagedBlocks blocks, TransferObserver observer, Key key) {
        CompletableFuture<StagedSide> made = new CompletableFuture<>();
        StagedSide side = new StagedSide(blocks, observer, context.executor(), this::copyDeadline, () -> {
            var ignored = made.thenAccept(sides::remove);
        });
        sides.put(side, key);
        made.complete(side);
        return side;
    }

    private static StagedChannel share(
            @Nullable PeerChannel channel, StagedSide side, StagedChannel.Listener listener) {
        return new StagedChannel(
                Objects.requireNonNull(channel, "a staged backend declares PEER_CHANNEL"),
                side.blocks().own().size(),
                side,
                listener);
    }

    private @Nullable PeerChannel forBackend(StagedChannel channel) {
        return backend.info().can(Capability.PEER_CHANNEL) ? channel : null;
    }

    private TargetPlan inner(TargetPlan plan, StagedSide side, TransferObserver observer, StagedChannel channel) {
        return new TargetPlan(
                plan.id(),
                plan.attempt(),
                plan.epoch(),
                plan.operation(),
                plan.self(),
                plan.peer(),
                side.blocks().seen(),
                side.blocks().handles(),
                plan.deadline(),
                observer,
                forBackend(channel));
    }

    private InitiatorPlan inner(InitiatorPlan plan, StagedSide side, TransferObserver observer, StagedChannel channel) {
        return new InitiatorPlan(
                plan.id(),
                plan.attempt(),
                plan.operation(),
                plan.self(),
                plan.peer(),
                plan.peerEndpoint(),
                side.blocks().seen(),
                side.blocks().handles(),
                plan.checksum(),
                plan.deadline(),
                observer,
                forBackend(channel));
    }

    private Deadline copyDeadline() {
        return context.after(context.settings().get(EngineConfigKeys.COPY_TIMEOUT));
    }

    @Override
    public void reset(ResetScope scope, Deadline deadline) {
        backend.reset(scope, deadline);
        List<CompletableFuture<Void>> copies = new ArrayList<>();
        sides.forEach((side, key) -> {
            if (isIn(scope, key)) {
                side.fail(TransferErrorCode.TRANSFER_FAILED, "taken down by a reset of " + scope);
                copies.add(side.stopCopies());
            }
        });
        CompletableFuture<Void> all = CompletableFuture.allOf(copies.toArray(CompletableFuture<?>[]::new));
        if (!context.waits().until(all, deadline, Stage.FINISH)) {
            throw new TransferException(
                    TransferErrorCode.DEADLINE_EXCEEDED, Stage.FINISH, "a copy for staging did not end in time");
        }
    }

    private static boolean isIn(ResetScope scope, Key key) {
        return switch (scope) {
            case ResetScope.Connection(var id, var attempt) -> key.id().equals(id) && key.attempt() == attempt;
            case ResetScope.Peer(var peer) -> key.peer().equals(peer);
            case ResetScope.Instance() -> true;
        };
    }

    @Override
    public CloseReport close(Deadline deadline) {
        List<String> abandoned = new ArrayList<>();
        if (pool.isWhole()) {
            try {
                pool.close(deadline);
            } catch (TransferException e) {
                abandoned.add(
                        "staging memory " + pool.region() + ": " + e.error().detail());
            }
        } else {
            abandoned.add("staging memory " + pool.region() + ": a transfer still holds some of it");
        }
        abandoned.addAll(backend.close(deadline).abandoned());
        return new CloseReport(abandoned);
    }
}
