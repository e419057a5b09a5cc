package io.kvferry.backend.rdma;

import io.kvferry.backend.rdma.adapter.RdmaAdapter;
import io.kvferry.backend.rdma.adapter.RdmaAdapterInfo;
import io.kvferry.backend.rdma.adapter.RdmaMemory;
import io.kvferry.spi.AbortScope;
import io.kvferry.spi.BackendEndpoint;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.BackendInfo;
import io.kvferry.spi.BackendLimits;
import io.kvferry.spi.Capability;
import io.kvferry.spi.ChecksumMode;
import io.kvferry.spi.CloseReport;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Descriptor;
import io.kvferry.spi.InitiatorPlan;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.LeaseKey;
import io.kvferry.spi.MemoryHandle;
import io.kvferry.spi.MemoryKind;
import io.kvferry.spi.MemoryRegion;
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
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;

/**
 * One instance of the RDMA backend: an adapter, the thread that drives it, connections to and from peers, and the transfers
 * on them. Thread-safe.
 *
 * <p>Evidence: a part is applied when the adapter says so, which it does on a word of the target's device or process.
 * Quiescence: of an initiator, none of its batches is in flight; of a target, the initiator said over the connection that
 * it is drained, behind its last byte. What is not said is fenced: closing a connection proves both, at the price of the
 * other transfers on it.
 */
final class RdmaBackend implements TransferBackend {
    static final String NAME = "rdma";

    private static final SecureRandom RANDOM = new SecureRandom();

    private final long instance = RANDOM.nextLong();
    private final RdmaAdapter adapter;
    private final RdmaSettings settings;
    private final BackendEnvironment environment;
    private final OwnerThread owner;
    private final LinkTable links;
    private final Object accepting = new Object();
    private final Admission admission;
    private final BackendInfo info;
    private final BackendEndpoint endpoint;
    private final Registrations registrations = new Registrations();
    private final AtomicLong lastSlot = new AtomicLong();

    private RdmaBackend(RdmaAdapter adapter, RdmaSettings settings, BackendEnvironment environment) {
        this.adapter = adapter;
        this.settings = settings;
        this.environment = environment;
        this.owner = new OwnerThread(
                adapter,
                settings.spinTurns(),
                "kvferry-rdma-" + environment.self().nodeId());
        this.links = new LinkTable(settings.connectionsPerPeer(), settings.maxConnections());
        this.admission = new Admission(settings.maxTransfers());
        this.info = describe(adapter.info(), settings);
        this.endpoint = new RdmaEndpoint(instance, adapter.address()).encode();
    }

    /** Starts to drive the adapter, which belongs to the backend from now on. */
    static RdmaBackend open(RdmaAdapter adapter, RdmaSettings settings, BackendEnvironment environment) {
        RdmaBackend backend = new RdmaBackend(adapter, settings, environment);
        backend.owner.start();
        return backend;
    }

    private static BackendInfo describe(RdmaAdapterInfo adapter, RdmaSettings settings) {
        EnumSet<Capability> capabilities = EnumSet.of(
                Capability.READ, Capability.WRITE, Capability.HOST_MEMORY, Capability.PEER_CONTROL, Capability.REVOKE);
        if (adapter.targetTakesPart()) {
            capabilities.add(Capability.TARGET_PROGRESS);
        }
        return new BackendInfo(
                NAME,
                new WireId("kvferry-rdma-" + adapter.provider() + (adapter.targetTakesPart() ? "-told" : ""), 1),
                capabilities,
                adapter.isolation(),
                AbortScope.CONNECTION,
                new BackendLimits(Cutter.maxBlockBytes(adapter), Integer.MAX_VALUE, settings.maxTransfers()),
                "RDMA by " + adapter.provider() + ": " + adapter.description() + ", " + settings.connectionsPerPeer()
                        + " connections per peer");
    }

    @Override
    public BackendInfo info() {
        return info;
    }

    @Override
    public BackendEndpoint endpoint() {
        return endpoint;
    }

    @Override
    public MemoryHandle register(MemoryRegion region, Deadline deadline) {
        admission.requireReady(Stage.REGISTER, deadline);
        if (region.kind() != MemoryKind.HOST) {
            throw new TransferException(
                    TransferErrorCode.UNSUPPORTED,
                    Stage.REGISTER,
                    "rdma moves HOST memory, not " + region.kind()
                            + "; set kvferry.staging=pinned or choose another backend");
        }
        return registrations.add(adapter.register(region, deadline));
    }

    @Override
    public Proposal propose(InitiatorPlan plan) {
        admission.requireOpen(Stage.PREPARE);
        RdmaEndpoint peer = RdmaEndpoint.decode(plan.peerEndpoint());
        OutgoingLink link = links.outgoing(
                peer.instance(),
                () -> new OutgoingLink(RANDOM.nextLong(), plan.peer(), peer, adapter, owner, settings, links::remove));
        return new RdmaProposal(instance, link.number(), link.hello()).encode();
    }

    @Override
    public TargetTransfer accept(TargetPlan plan, Proposal proposal, Deadline deadline) {
        admission.requireReady(Stage.OFFER, deadline);
        List<RdmaMemory> memories = registrations.of(plan.blocks(), plan.handles());
        RdmaProposal proposed = RdmaProposal.decode(proposal);
        IncomingLink link = incoming(plan, proposed);
        admission.enter(Stage.OFFER);
        RdmaTarget target;
        try {
            Windows windows = Windows.open(
                    plan.blocks(), memories, plan.operation(), adapter.info().isolation());
            target = new RdmaTarget(
                    plan,
                    lastSlot.incrementAndGet(),
                    LeaseKey.random(plan.epoch()),
                    windows,
                    link,
                    instance,
                    admission::leave);
        } catch (RuntimeException e) {
            admission.leave();
            throw e;
        }
        if (!link.add(target)) {
            target.drained();
            target.finish(deadline);
            links.remove(link);
            throw new TransferException(
                    TransferErrorCode.CONNECTION_FAILED, Stage.OFFER, link + " was closed meanwhile; try again");
        }
        return target;
    }

    private IncomingLink incoming(TargetPlan plan, RdmaProposal proposed) {
        IncomingLink.Name name = new IncomingLink.Name(plan.peer(), proposed.instance(), proposed.connection());
        // transfers of one peer come together, and the first of them makes the half for all
        synchronized (accepting) {
            IncomingLink known = links.find(name);
            if (known != null) {
                return known;
            }
            links.makeRoom();
            return links.add(new IncomingLink(name, proposed.hello(), adapter, owner, links::remove));
        }
    }

    @Override
    public InitiatorTransfer prepare(InitiatorPlan plan, Descriptor descriptor, Deadline deadline) {
        admission.requireReady(Stage.PREPARE, deadline);
        if (plan.checksum() == ChecksumMode.ON) {
            throw new TransferException(
                    TransferErrorCode.UNSUPPORTED, Stage.PREPARE, "rdma carries no checksum; ask for none, or use tcp");
        }
        List<RdmaMemory> memories = registrations.of(plan.blocks(), plan.handles());
        RdmaDescriptor lease = RdmaDescriptor.decode(descriptor, plan.blocks().blockKeys());
        OutgoingLink link = outgoing(plan, lease);
        admission.enter(Stage.PREPARE);
        link.use();
        RdmaInitiator transfer = new RdmaInitiator(plan, memories, lease, link, () -> {
            link.unuse();
            admission.leave();
        });
        try {
            transfer.check();
            Deadline until = deadline.earlier(plan.deadline());
            await(link.establish(lease.hello()), until, Stage.PREPARE, "connecting to " + plan.peer());
            await(link.open(transfer), until, Stage.PREPARE, "opening the lease");
            return transfer;
        } catch (RuntimeException e) {
            transfer.finish(deadline);
            throw e;
        }
    }

    private OutgoingLink outgoing(InitiatorPlan plan, RdmaDescriptor lease) {
        if (lease.instance() != RdmaEndpoint.decode(plan.peerEndpoint()).instance()) {
            throw new TransferException(
                    TransferErrorCode.PEER_RESTARTED,
                    Stage.PREPARE,
                    "the descriptor comes from another instance than the endpoint of " + plan.peer()
                            + "; meet the peer again");
        }
        OutgoingLink link = links.find(lease.connection());
        if (link != null && link.isDead()) {
            links.remove(link);
        }
        if (link == null || link.isDead() || link.peerInstance() != lease.instance()) {
            throw new TransferException(
                    TransferErrorCode.CONNECTION_FAILED,
                    Stage.PREPARE,
                    "the connection to " + plan.peer() + " was closed meanwhile; try again");
        }
        return link;
    }

    @Override
    public void reset(ResetScope scope, Deadline deadline) {
        admission.requireOpen(Stage.FINISH);
        CompletableFuture<?>[] closed = links.all().stream()
                .filter(link -> link.isIn(scope))
                .map(link -> link.close(
                        TransferErrorCode.TRANSFER_FAILED, link + " was taken down by a reset of " + scope, false))
                .toArray(CompletableFuture[]::new);
        await(CompletableFuture.allOf(closed), deadline, Stage.FINISH, "fencing " + scope);
    }

    @Override
    public CloseReport close(Deadline deadline) {
        if (!admission.close()) {
            return CloseReport.CLEAN;
        }
        List<Link> open = links.all();
        List<CompletableFuture<Void>> closed = open.stream()
                .map(link -> link.close(TransferErrorCode.SHUTTING_DOWN, "the backend was closed", true))
                .toList();
        List<String> abandoned = new ArrayList<>();
        try {
            await(
                    CompletableFuture.allOf(closed.toArray(CompletableFuture[]::new)),
                    deadline,
                    Stage.CLOSE,
                    "closing connections");
        } catch (TransferException late) {
            for (int i = 0; i < open.size(); i++) {
                if (!closed.get(i).isDone()) {
                    abandoned.add(open.get(i) + ", through which memory may still be touched");
                }
            }
        }
        release(deadline, abandoned);
        return new CloseReport(abandoned);
    }

    private void release(Deadline deadline, List<String> abandoned) {
        try {
            await(owner.stop(), deadline, Stage.CLOSE, "ending the owner thread");
            registrations.close(deadline);
        } catch (TransferException late) {
            abandoned.add(String.valueOf(late.getMessage()));
            return;
        }
        if (abandoned.isEmpty()) {
            adapter.close();
        }
    }

    private void await(CompletableFuture<Void> future, Deadline deadline, Stage stage, String what) {
        TimedWait.await(future, deadline, environment.scheduler(), stage, what);
    }
}
