package io.kvferry.backend.nccl;

import io.kvferry.backend.nccl.adapter.NcclLibrary;
import io.kvferry.backend.nccl.adapter.Presence;
import io.kvferry.spi.AbortScope;
import io.kvferry.spi.BackendEndpoint;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.BackendInfo;
import io.kvferry.spi.BackendLimits;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.Capability;
import io.kvferry.spi.ChecksumMode;
import io.kvferry.spi.CloseReport;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Descriptor;
import io.kvferry.spi.DeviceMemory;
import io.kvferry.spi.InitiatorPlan;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.Isolation;
import io.kvferry.spi.MemoryHandle;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerChannel;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.Proposal;
import io.kvferry.spi.ResetScope;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TargetPlan;
import io.kvferry.spi.TargetTransfer;
import io.kvferry.spi.TimedWait;
import io.kvferry.spi.TransferBackend;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.WireId;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** One opened NCCL backend, for one GPU. Thread-safe. */
final class NcclBackend implements TransferBackend {
    private static final Set<Capability> CAPABILITIES =
            EnumSet.complementOf(EnumSet.of(Capability.HOST_MEMORY, Capability.CANCEL_IN_FLIGHT));

    private final long instance = Handshake.randomNumber();
    private final Settings settings;
    private final BackendEnvironment environment;
    private final BackendInfo info;
    private final Connections connections;
    private final Supplier<DeviceThread.Progress> poll;
    private final DeviceThread device;
    private final CopyThread copies;
    private final CudaMemory memory;
    private final Services services;
    private final Admission admission;
    private final Fence fence;
    private volatile boolean closed;

    private NcclBackend(NcclLibrary library, Presence.Found found, Settings settings, BackendEnvironment environment) {
        this.settings = settings;
        this.environment = environment;
        String name =
                "kvferry-nccl-" + settings.device() + "-" + environment.self().nodeId();
        this.connections = new Connections(library, settings, environment);
        this.poll = connections::poll;
        this.device = DeviceThreads.join(library, settings.device(), poll);
        this.admission = new Admission(device, settings.maxTransfers());
        this.copies = new CopyThread(name + "-copy", library.cuda(), environment.scheduler());
        this.memory = new CudaMemory(library, copies, settings, environment);
        this.services = new Services(settings, device, connections, copies);
        this.fence = new Fence(admission, services);
        this.info = new BackendInfo(
                NcclBackendProvider.NAME,
                new WireId("kvferry-nccl", 1),
                CAPABILITIES,
                // a peer's kernel may be given a way into the allocation that a block lies in
                Isolation.REGION,
                AbortScope.CONNECTION,
                new BackendLimits(Long.MAX_VALUE, Integer.MAX_VALUE, settings.maxTransfers()),
                found + ", device " + settings.device());
    }

    static NcclBackend open(
            NcclLibrary library,
            Presence.Found found,
            Settings settings,
            BackendEnvironment environment,
            Deadline deadline) {
        NcclBackend backend = new NcclBackend(library, found, settings, environment);
        try {
            TimedWait.await(backend.device.ready(), deadline, environment.scheduler(), Stage.OPEN, "opening the GPU");
            backend.copies.start(settings.device(), deadline);
            return backend;
        } catch (TransferException e) {
            backend.close(deadline);
            throw e;
        }
    }

    @Override
    public BackendInfo info() {
        return info;
    }

    @Override
    public BackendEndpoint endpoint() {
        return new Handshake(instance, 0, false).endpoint();
    }

    @Override
    public Optional<DeviceMemory> deviceMemory() {
        return Optional.of(memory);
    }

    @Override
    public MemoryHandle register(MemoryRegion region, Deadline deadline) {
        requireReady(Stage.REGISTER, deadline);
        memory.requireMovable(region, deadline);
        return new NcclMemory(this, region);
    }

    /** Takes a registration back from every communicator. */
    void forget(MemoryRegion region, Deadline deadline) {
        if (settings.zeroCopy() && !closed) {
            TimedWait.await(
                    device.call(() -> {
                        connections.deregister(region);
                        return true;
                    }),
                    deadline,
                    environment.scheduler(),
                    Stage.CLOSE,
                    "taking a registration back");
        }
    }

    @Override
    public Proposal propose(InitiatorPlan plan) {
        requireOpen(Stage.PREPARE);
        long target = Handshake.decode(plan.peerEndpoint()).instance();
        Connection.Key key = key(plan.peer(), target, plan.operation(), Role.INITIATOR);
        return new Handshake(instance, connections.sharedNumber(key), false).proposal();
    }

    private Connection.Key key(PeerIdentity peer, long peerInstance, Operation operation, Role role) {
        boolean own = peerInstance == instance && peer.equals(environment.self());
        return new Connection.Key(peer, peerInstance, operation, own ? Role.BOTH : role);
    }

    @Override
    public TargetTransfer accept(TargetPlan plan, Proposal proposal, Deadline deadline) {
        requireReady(Stage.PREPARE, deadline);
        requireRegistered(plan.blocks(), plan.handles());
        PeerChannel channel = requireChannel(plan.channel());
        Handshake proposed = Handshake.decode(proposal);
        Connection.Key key = key(plan.peer(), proposed.instance(), plan.operation(), Role.TARGET);
        boolean known = proposed.connection() != 0 && connections.usableNumber(key) == proposed.connection();
        Descriptor descriptor = new Handshake(instance, proposed.connection(), known).descriptor();
        Admission.Admitted<NcclTarget> admitted = admission.admit(
                TransferSide.Terms.of(plan),
                side -> new NcclTarget(side, services, key, descriptor, channel),
                NcclTarget::unbind);
        requireStillOpen(admitted.side());
        admitted.transfer().listen();
        return admitted.transfer();
    }

    @Override
    public InitiatorTransfer prepare(InitiatorPlan plan, Descriptor descriptor, Deadline deadline) {
        requireReady(Stage.PREPARE, deadline);
        requireRegistered(plan.blocks(), plan.handles());
        PeerChannel channel = requireChannel(plan.channel());
        Handshake target = Handshake.decode(descriptor);
        if (target.instance() != Handshake.decode(plan.peerEndpoint()).instance()) {
            throw Message.protocolError("the descriptor is of another instance than the one that was met");
        }
        Connection.Key key = key(plan.peer(), target.instance(), plan.operation(), Role.INITIATOR);
        boolean checked = plan.checksum() == ChecksumMode.ON;
        Admission.Admitted<NcclInitiator> admitted = admission.admit(
                TransferSide.Terms.of(plan),
                side -> new NcclInitiator(side, services, key, checked, channel),
                NcclInitiator::unbind);
        requireStillOpen(admitted.side());
        try {
            admitted.transfer().listen();
            new Connecting(services, environment.scheduler(), key, target).connect(admitted.transfer(), deadline);
            return admitted.transfer();
        } catch (RuntimeException e) {
            admitted.side().finish();
            throw e;
        }
    }

    @Override
    public void reset(ResetScope scope, Deadline deadline) {
        requireOpen(Stage.FINISH);
        TimedWait.await(fence.raise(scope), deadline, environment.scheduler(), Stage.FINISH, "the reset of " + scope);
    }

    @Override
    public CloseReport close(Deadline deadline) {
        if (closed) {
            return CloseReport.CLEAN;
        }
        closed = true;
        List<TransferSide> remaining = admission.all();
        remaining.forEach(side -> side.fail(TransferErrorCode.SHUTTING_DOWN, "the backend was closed"));
        List<String> abandoned = new ArrayList<>();
        try {
            CompletableFuture<Void> ended =
                    fence.endConnections(connection -> true, TransferErrorCode.SHUTTING_DOWN, "the backend was closed");
            TimedWait.await(ended, deadline, environment.scheduler(), Stage.CLOSE, "ending the connections");
        } catch (TransferException e) {
            remaining.forEach(side -> abandoned.add("memory of " + side + ": the GPU has not let go of it"));
            abandoned.add("the device's connections and memory: " + e.error().detail());
        }
        abandoned.addAll(memory.left());
        if (!copies.close(deadline)) {
            abandoned.add("the copies of " + device + " have not ended");
        }
        try {
            TimedWait.await(
                    DeviceThreads.leave(device, poll),
                    deadline,
                    environment.scheduler(),
                    Stage.CLOSE,
                    "leaving the GPU's thread");
        } catch (TransferException e) {
            abandoned.add("thread " + device + ": it has not ended");
        }
        return new CloseReport(abandoned);
    }

    private void requireReady(Stage stage, Deadline deadline) {
        requireOpen(stage);
        if (deadline.isExpired()) {
            throw new TransferException(
                    TransferErrorCode.DEADLINE_EXCEEDED, stage, "the deadline had passed when the call came");
        }
    }

    /** Close may have come between the first look and the counting in. */
    private void requireStillOpen(TransferSide side) {
        if (closed) {
            side.finish();
            requireOpen(Stage.PREPARE);
        }
    }

    private void requireOpen(Stage stage) {
        if (closed) {
            throw new TransferException(TransferErrorCode.SHUTTING_DOWN, stage, "the NCCL backend is closed");
        }
    }

    private void requireRegistered(BlockList blocks, List<MemoryHandle> handles) {
        for (int i = 0; i < blocks.regions().size(); i++) {
            MemoryHandle handle = handles.get(i);
            if (!(handle instanceof NcclMemory known)
                    || !known.isRegisteredWith(this)
                    || !known.region().equals(blocks.regions().get(i))) {
                throw new TransferException(
                        TransferErrorCode.MEMORY_NOT_REGISTERED,
                        Stage.PREPARE,
                        blocks.regions().get(i) + " is not registered with this backend");
            }
        }
    }

    private static PeerChannel requireChannel(@Nullable PeerChannel channel) {
        if (channel == null) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.PREPARE,
                    "nccl needs the transfer's channel, and the plan brings none");
        }
        return channel;
    }
}
