package io.kvferry.backend.inprocess;

import io.kvferry.spi.AbortScope;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEndpoint;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.BackendInfo;
import io.kvferry.spi.BackendLimits;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.Capability;
import io.kvferry.spi.CloseReport;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Descriptor;
import io.kvferry.spi.InitiatorPlan;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.Isolation;
import io.kvferry.spi.LeaseKey;
import io.kvferry.spi.MemoryHandle;
import io.kvferry.spi.MemoryKind;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.Proposal;
import io.kvferry.spi.ResetScope;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TargetPlan;
import io.kvferry.spi.TargetTransfer;
import io.kvferry.spi.TransferBackend;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.WireId;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** One opened in-process backend. Thread-safe. */
final class InProcessBackend implements TransferBackend {
    /** All that are open in this JVM: what a network is to other backends. */
    private static final Map<InstanceId, InProcessBackend> OPEN = new ConcurrentHashMap<>();

    private final InstanceId instance = InstanceId.random();
    private final CopyAdapter adapter;
    private final boolean twoSided;
    private final int maxTransfers;
    private final BackendInfo info;
    private final Worker worker;
    private final Semaphore places;
    private final Set<TransferSide> sides = ConcurrentHashMap.newKeySet();
    private final Map<Long, InProcessTarget> leases = new ConcurrentHashMap<>();
    private final AtomicLong lastSlot = new AtomicLong();
    private volatile boolean closed;

    private InProcessBackend(BackendConfig config, BackendEnvironment environment, CopyAdapter adapter) {
        this.adapter = adapter;
        this.twoSided = config.get(InProcessConfigKeys.TWO_SIDED);
        this.maxTransfers = config.get(InProcessConfigKeys.MAX_TRANSFERS);
        this.places = new Semaphore(maxTransfers);
        this.worker = new Worker(
                "kvferry-inprocess-" + environment.self().nodeId() + "-" + instance,
                config.get(InProcessConfigKeys.QUEUE_DEPTH),
                config.get(InProcessConfigKeys.SLICE_SIZE));
        this.info = describe(twoSided, maxTransfers);
    }

    static InProcessBackend open(BackendConfig config, BackendEnvironment environment, CopyAdapter adapter) {
        InProcessBackend backend = new InProcessBackend(config, environment, adapter);
        backend.worker.start();
        OPEN.put(backend.instance, backend);
        return backend;
    }

    private static BackendInfo describe(boolean twoSided, int maxTransfers) {
        EnumSet<Capability> capabilities =
                EnumSet.complementOf(EnumSet.of(Capability.CUDA_MEMORY, Capability.PEER_CHANNEL));
        if (twoSided) {
            capabilities.add(Capability.PEER_CHANNEL);
        }
        return new BackendInfo(
                InProcessBackendProvider.NAME,
                new WireId(twoSided ? "kvferry-inprocess-two-sided" : "kvferry-inprocess", 1),
                capabilities,
                Isolation.LEASE,
                AbortScope.TRANSFER,
                new BackendLimits(Long.MAX_VALUE, Integer.MAX_VALUE, maxTransfers),
                twoSided ? "copies inside this JVM, by the target" : "copies inside this JVM");
    }

    @Override
    public BackendInfo info() {
        return info;
    }

    @Override
    public BackendEndpoint endpoint() {
        return new BackendEndpoint(instance.encode());
    }

    @Override
    public MemoryHandle register(MemoryRegion region, Deadline deadline) {
        requireReady(Stage.REGISTER, deadline);
        if (region.kind() != MemoryKind.HOST) {
            throw new TransferException(
                    TransferErrorCode.UNSUPPORTED,
                    Stage.REGISTER,
                    InProcessBackendProvider.NAME + " moves HOST memory, not " + region.kind());
        }
        return new InProcessMemory(this, region);
    }

    @Override
    public Proposal propose(InitiatorPlan plan) {
        requireOpen(Stage.PREPARE);
        return new Proposal(instance.encode());
    }

    @Override
    public TargetTransfer accept(TargetPlan plan, Proposal proposal, Deadline deadline) {
        requireReady(Stage.PREPARE, deadline);
        requireRegistered(plan.blocks(), plan.handles());
        PeerChannel channel = requireChannel(plan.channel());
        InstanceId initiator = InstanceId.decode(proposal.buffer(), "proposal");
        LeaseDescriptor lease = new LeaseDescriptor(lastSlot.incrementAndGet(), LeaseKey.random(plan.epoch()));
        TransferSide side = admit(new TransferSide(
                plan.id(), plan.attempt(), plan.peer(), plan.blocks(), plan.deadline(), plan.observer(), released -> {
                    leases.remove(lease.slot());
                    release(released);
                }));
        InProcessTarget target = new InProcessTarget(plan, initiator, lease, side, worker);
        leases.put(lease.slot(), target);
        try {
            if (channel != null) {
                target.listen(channel);
            }
            return target;
        } catch (RuntimeException e) {
            target.finish(deadline);
            throw e;
        }
    }

    @Override
    public InitiatorTransfer prepare(InitiatorPlan plan, Descriptor descriptor, Deadline deadline) {
        requireReady(Stage.PREPARE, deadline);
        requireRegistered(plan.blocks(), plan.handles());
        PeerChannel channel = requireChannel(plan.channel());
        LeaseDescriptor shown = LeaseDescriptor.decode(descriptor);
        InProcessBackend peer = find(InstanceId.decode(plan.peerEndpoint().buffer(), "endpoint"));
        InProcessTarget target = peer.lease(shown.slot());
        TransferSide side = admit(new TransferSide(
                plan.id(),
                plan.attempt(),
                plan.peer(),
                plan.blocks(),
                plan.deadline(),
                plan.observer(),
                this::release));
        try {
            // The side whose worker copies brings the adapter.
            Link link = target.connect(instance, shown, plan, side, twoSided ? peer.adapter : adapter);
            InProcessInitiator initiator = new InProcessInitiator(side, link, worker, channel);
            initiator.listen();
            return initiator;
        } catch (RuntimeException e) {
            side.finish();
            throw e;
        }
    }

    private InProcessBackend find(InstanceId id) {
        InProcessBackend peer = OPEN.get(id);
        if (peer == null) {
            throw new TransferException(
                    TransferErrorCode.CONNECTION_FAILED,
                    Stage.PREPARE,
                    "no in-process backend " + id + " is open in this JVM; for a peer in another process use"
                            + " kvferry.backend = tcp on both sides");
        }
        if (peer.twoSided != twoSided) {
            throw new TransferException(
                    TransferErrorCode.INCOMPATIBLE_PEER,
                    Stage.PREPARE,
                    InProcessConfigKeys.TWO_SIDED + " is " + twoSided + " here and " + peer.twoSided
                            + " at the peer; set the same on both sides");
        }
        return peer;
    }

    private InProcessTarget lease(long slot) {
        InProcessTarget target = leases.get(slot);
        if (target == null) {
            throw new TransferException(
                    TransferErrorCode.LEASE_ENDED,
                    Stage.PREPARE,
                    "the lease has ended at the target; ask for a new one");
        }
        return target;
    }

    @Override
    public void reset(ResetScope scope, Deadline deadline) {
        requireOpen(Stage.FINISH);
        List<TransferSide> fenced =
                sides.stream().filter(side -> isIn(scope, side)).toList();
        fenced.forEach(side -> side.fail(TransferErrorCode.TRANSFER_FAILED, "taken down by a reset of " + scope));
        for (TransferSide side : fenced) {
            if (!side.awaitQuiet(deadline)) {
                throw new TransferException(
                        TransferErrorCode.DEADLINE_EXCEEDED,
                        Stage.FINISH,
                        "a copy did not return before the deadline: " + side);
            }
        }
    }

    private static boolean isIn(ResetScope scope, TransferSide side) {
        return switch (scope) {
            case ResetScope.Connection(var id, var attempt) -> side.id().equals(id) && side.attempt() == attempt;
            case ResetScope.Peer(var peer) -> side.peer().equals(peer);
            case ResetScope.Instance() -> true;
        };
    }

    @Override
    public CloseReport close(Deadline deadline) {
        closed = true;
        OPEN.remove(instance);
        List<TransferSide> remaining = List.copyOf(sides);
        remaining.forEach(side -> side.fail(TransferErrorCode.SHUTTING_DOWN, "the backend was closed"));
        worker.stop();
        List<String> abandoned = new ArrayList<>();
        for (TransferSide side : remaining) {
            if (!side.awaitQuiet(deadline)) {
                abandoned.add("memory of " + side + ": a copy has not returned");
            }
        }
        if (!worker.awaitEnd(deadline)) {
            abandoned.add("thread " + worker + ": it has not ended");
        }
        return abandoned.isEmpty() ? CloseReport.CLEAN : new CloseReport(abandoned);
    }

    /** Counts a transfer in, or refuses it. */
    private TransferSide admit(TransferSide side) {
        if (!places.tryAcquire()) {
            throw new TransferException(
                    TransferErrorCode.RESOURCE_EXHAUSTED,
                    Stage.PREPARE,
                    "transfers=" + maxTransfers + " = " + InProcessConfigKeys.MAX_TRANSFERS
                            + "; finish some or raise it");
        }
        sides.add(side);
        if (closed) {
            release(side);
            requireOpen(Stage.PREPARE);
        }
        return side;
    }

    private void release(TransferSide side) {
        if (sides.remove(side)) {
            places.release();
        }
    }

    private void requireReady(Stage stage, Deadline deadline) {
        requireOpen(stage);
        if (deadline.isExpired()) {
            throw new TransferException(
                    TransferErrorCode.DEADLINE_EXCEEDED, stage, "the deadline had passed when the call came");
        }
    }

    private void requireOpen(Stage stage) {
        if (closed) {
            throw new TransferException(TransferErrorCode.SHUTTING_DOWN, stage, "the in-process backend is closed");
        }
    }

    private void requireRegistered(BlockList blocks, List<MemoryHandle> handles) {
        for (int i = 0; i < blocks.regions().size(); i++) {
            MemoryRegion region = blocks.regions().get(i);
            if (i >= handles.size()
                    || !(handles.get(i) instanceof InProcessMemory memory)
                    || !memory.isRegisteredWith(this)
                    || !memory.region().equals(region)) {
                throw new TransferException(
                        TransferErrorCode.MEMORY_NOT_REGISTERED,
                        Stage.PREPARE,
                        region + " is not registered with this backend");
            }
        }
    }

    /** Returns the channel in two-sided mode, and null where none is used. */
    private @Nullable PeerChannel requireChannel(@Nullable PeerChannel channel) {
        if (!twoSided) {
            return null;
        }
        if (channel == null) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.PREPARE,
                    InProcessConfigKeys.TWO_SIDED + " = true needs a peer channel, and this transfer has none");
        }
        return channel;
    }
}
