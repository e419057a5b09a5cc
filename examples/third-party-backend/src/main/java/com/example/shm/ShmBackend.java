package com.example.shm;

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
import io.kvferry.spi.Proposal;
import io.kvferry.spi.Quiescence;
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
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.locks.LockSupport;

/**
 * One opened backend. A transfer goes through it like this:
 *
 * <ol>
 *   <li>the target's {@link #accept} makes a {@link LeasePage} and answers a {@link LeaseTicket} to it;
 *   <li>the initiator's {@link #prepare} maps that page, and checks that it is the lease it was promised;
 *   <li>submit queues a {@link Part}; the {@link Worker} copies it, asking the page's gate before each batch;
 *   <li>finish closes the gate, on either side, and answers whether somebody is still inside.
 * </ol>
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class ShmBackend implements TransferBackend {
    private static final long LOOK_NANOS = 1_000_000;

    private final ProcessId self;
    private final RemoteCopy copy;
    private final int maxTransfers;
    private final BackendInfo info;
    private final Worker worker;
    private final Semaphore places;
    private final Set<Side> sides = ConcurrentHashMap.newKeySet();
    private volatile boolean closed;

    ShmBackend(BackendConfig config, BackendEnvironment environment, ProcessId self, RemoteCopy copy) {
        this.self = self;
        this.copy = copy;
        this.maxTransfers = config.get(ShmConfigKeys.MAX_TRANSFERS);
        this.places = new Semaphore(maxTransfers);
        this.info = describe(maxTransfers);
        this.worker = new Worker(
                "kvferry-shm-" + environment.self().nodeId(),
                config.get(ShmConfigKeys.QUEUE_DEPTH),
                config.get(ShmConfigKeys.SLICE_SIZE));
    }

    /** What is not declared here is refused by the engine, and the suite checks that too. */
    private static BackendInfo describe(int maxTransfers) {
        return new BackendInfo(
                ShmBackendProvider.NAME,
                new WireId("example-shm", 1),
                EnumSet.of(
                        Capability.READ,
                        Capability.WRITE,
                        Capability.HOST_MEMORY,
                        Capability.PEER_CONTROL,
                        Capability.REVOKE,
                        Capability.CANCEL_IN_FLIGHT),
                Isolation.NONE,
                AbortScope.TRANSFER,
                new BackendLimits(Long.MAX_VALUE, Integer.MAX_VALUE, maxTransfers),
                "one copy by the kernel, between processes of one user on one machine");
    }

    @Override
    public BackendInfo info() {
        return info;
    }

    @Override
    public BackendEndpoint endpoint() {
        return new BackendEndpoint(self.encode());
    }

    @Override
    public MemoryHandle register(MemoryRegion region, Deadline deadline) {
        requireReady(Stage.REGISTER, deadline);
        if (region.kind() != MemoryKind.HOST) {
            throw new TransferException(
                    TransferErrorCode.UNSUPPORTED, Stage.REGISTER, "shm moves HOST memory, not " + region.kind());
        }
        return new ShmMemory(this, region);
    }

    /** The target must know whose end proves that nobody touches its memory. */
    @Override
    public Proposal propose(InitiatorPlan plan) {
        requireOpen(Stage.PREPARE);
        return new Proposal(self.encode());
    }

    @Override
    public TargetTransfer accept(TargetPlan plan, Proposal proposal, Deadline deadline) {
        requireReady(Stage.PREPARE, deadline);
        requireRegistered(plan.blocks(), plan.handles());
        ProcessId initiator = ProcessId.decode(proposal.buffer(), "proposal");
        initiator.requireNeighbour(self);
        ProcessFile file = takePlaceFor(initiator);
        ShmTarget side;
        try {
            LeaseKey key = LeaseKey.random(plan.epoch());
            LeasePage page = LeasePage.create(key, plan.blocks());
            side = new ShmTarget(plan, file, page, new LeaseTicket(page.fd(), key), this::release);
        } catch (RuntimeException e) {
            giveBack(file);
            throw e;
        }
        return admit(side, deadline);
    }

    @Override
    public InitiatorTransfer prepare(InitiatorPlan plan, Descriptor descriptor, Deadline deadline) {
        requireReady(Stage.PREPARE, deadline);
        requireRegistered(plan.blocks(), plan.handles());
        LeaseTicket ticket = LeaseTicket.decode(descriptor);
        ProcessId target = ProcessId.decode(plan.peerEndpoint().buffer(), "endpoint");
        target.requireNeighbour(self);
        ProcessFile file = takePlaceFor(target);
        ShmInitiator side;
        try {
            LeasePage page = LeasePage.open(target.pid(), ticket, plan.blocks());
            side = new ShmInitiator(plan, target, file, page, copy, worker, this::release);
        } catch (RuntimeException e) {
            giveBack(file);
            throw e;
        }
        return admit(side, deadline);
    }

    /** Counts a transfer in, or refuses it, and opens what tells whether the peer's process lives. */
    private ProcessFile takePlaceFor(ProcessId peer) {
        if (!places.tryAcquire()) {
            throw new TransferException(
                    TransferErrorCode.RESOURCE_EXHAUSTED,
                    Stage.PREPARE,
                    "transfers=" + maxTransfers + " = " + ShmConfigKeys.MAX_TRANSFERS + "; finish some or raise it");
        }
        try {
            return ProcessFile.open(peer);
        } catch (RuntimeException e) {
            places.release();
            throw e;
        }
    }

    private void giveBack(ProcessFile file) {
        file.close();
        places.release();
    }

    private <S extends Side> S admit(S side, Deadline deadline) {
        sides.add(side);
        if (closed) {
            Quiescence ignored = side.finish(deadline);
            requireOpen(Stage.PREPARE);
        }
        return side;
    }

    private void release(Side side) {
        if (sides.remove(side)) {
            places.release();
        }
    }

    /** What one side cannot prove by itself, another process still copying, is waited for until the deadline. */
    @Override
    public void reset(ResetScope scope, Deadline deadline) {
        requireOpen(Stage.FINISH);
        List<Side> fenced = sides.stream().filter(side -> isIn(scope, side)).toList();
        fenced.forEach(side -> side.fail(TransferErrorCode.TRANSFER_FAILED, "taken down by a reset of " + scope));
        for (Side side : fenced) {
            if (!awaitQuiet(side, deadline)) {
                throw new TransferException(
                        TransferErrorCode.DEADLINE_EXCEEDED,
                        Stage.FINISH,
                        "a copy did not return before the deadline: " + side);
            }
        }
    }

    private static boolean isIn(ResetScope scope, Side side) {
        return switch (scope) {
            case ResetScope.Connection(var id, var attempt) -> side.id().equals(id) && side.attempt() == attempt;
            case ResetScope.Peer(var peer) -> side.peer().equals(peer);
            case ResetScope.Instance() -> true;
        };
    }

    private static boolean awaitQuiet(Side side, Deadline deadline) {
        while (!side.isQuiet() && !deadline.isExpired()) {
            LockSupport.parkNanos(LOOK_NANOS);
        }
        return side.isQuiet();
    }

    @Override
    public CloseReport close(Deadline deadline) {
        closed = true;
        List<Side> remaining = List.copyOf(sides);
        remaining.forEach(side -> side.fail(TransferErrorCode.SHUTTING_DOWN, "the backend was closed"));
        worker.stop();
        List<String> abandoned = new ArrayList<>();
        for (Side side : remaining) {
            if (!awaitQuiet(side, deadline)) {
                side.abandon();
                abandoned.add("memory of " + side + ": a copy has not returned");
            }
        }
        if (!worker.awaitEnd(deadline)) {
            abandoned.add("the thread that copies: it has not ended");
        }
        return abandoned.isEmpty() ? CloseReport.CLEAN : new CloseReport(abandoned);
    }

    private void requireReady(Stage stage, Deadline deadline) {
        requireOpen(stage);
        if (deadline.isExpired()) {
            throw new TransferException(TransferErrorCode.DEADLINE_EXCEEDED, stage, "the deadline had passed");
        }
    }

    private void requireOpen(Stage stage) {
        if (closed) {
            throw new TransferException(TransferErrorCode.SHUTTING_DOWN, stage, "the shm backend is closed");
        }
    }

    private void requireRegistered(BlockList blocks, List<MemoryHandle> handles) {
        for (int i = 0; i < blocks.regions().size(); i++) {
            MemoryRegion region = blocks.regions().get(i);
            if (i >= handles.size()
                    || !(handles.get(i) instanceof ShmMemory memory)
                    || !memory.isRegisteredWith(this)
                    || !memory.region().equals(region)) {
                throw new TransferException(
                        TransferErrorCode.MEMORY_NOT_REGISTERED,
                        Stage.PREPARE,
                        region + " is not registered with this backend");
            }
        }
    }
}
