package io.kvferry.backend.mooncake;

import io.kvferry.backend.mooncake.adapter.MooncakeAdapterProvider;
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
import io.kvferry.spi.ForeignMessages;
import io.kvferry.spi.InitiatorPlan;
import io.kvferry.spi.InitiatorTransfer;
import io.kvferry.spi.Isolation;
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
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Predicate;

/**
 * One instance of the native engine: Mooncake's {@code libtransfer_engine}, for what it drives and Java does not. Thread-safe.
 *
 * <p>Evidence: over TCP a WRITE is applied when its target has answered it, which both libraries must do; over anything else,
 * when a READ of its last byte behind it is answered. A READ is applied when the library says so. Quiescence: of an
 * initiator, the library has freed every batch; of a target, the initiator said that this is so at its side. The library
 * has no cancel and no revoke. So what cannot be proved is fenced by replacing the engine, with everything in it.
 */
final class NativeBackend implements TransferBackend {
    /** A descriptor has eight bytes for each, and room for a MiB. */
    private static final int MAX_BLOCKS = 128_000;

    private final NativeConfig config;
    private final BackendEnvironment environment;
    private final long incarnation = new SecureRandom().nextLong();
    private final NativeDriver driver;
    private final NativeInitiators initiators;
    private final NativeTransfers<NativeTarget> accepted;
    private final AtomicBoolean closing = new AtomicBoolean();
    private final BackendInfo info;
    private final BackendEndpoint endpoint;

    private NativeBackend(MooncakeAdapterProvider adapters, NativeConfig config, BackendEnvironment environment) {
        this.config = config;
        this.environment = environment;
        this.driver = new NativeDriver(adapters, config);
        this.initiators = new NativeInitiators(config, environment, driver);
        this.accepted = new NativeTransfers<>(config.maxTransfers());
        this.info = describe();
        this.endpoint = new WireEndpoint(incarnation, 0, driver.engine().segmentName()).encode();
    }

    /** Makes the engine. */
    static NativeBackend open(MooncakeAdapterProvider adapters, NativeConfig config, BackendEnvironment environment) {
        return new NativeBackend(adapters, config, environment);
    }

    private BackendInfo describe() {
        EnumSet<Capability> capabilities =
                EnumSet.of(Capability.READ, Capability.HOST_MEMORY, Capability.PEER_CONTROL, Capability.PEER_CHANNEL);
        if (!config.isTcp() || driver.acknowledgesWrites()) {
            capabilities.add(Capability.WRITE);
        }
        return new BackendInfo(
                WireBackend.NAME,
                new WireId("mooncake-native-" + config.adapter().transport(), 1),
                capabilities,
                Isolation.NONE,
                AbortScope.DEVICE,
                new BackendLimits(Long.MAX_VALUE, MAX_BLOCKS, config.maxTransfers()),
                "libtransfer_engine by " + config.adapter().transport() + "; foreign peers have no peer control");
    }

    @Override
    public BackendInfo info() {
        return info;
    }

    @Override
    public void listen(ForeignMessages messages) {
        driver.listen(messages);
    }

    @Override
    public BackendEndpoint endpoint() {
        return endpoint;
    }

    @Override
    public MemoryHandle register(MemoryRegion region, Deadline deadline) {
        checkOpen(Stage.REGISTER);
        if (region.kind() != MemoryKind.HOST) {
            throw new TransferException(
                    TransferErrorCode.UNSUPPORTED,
                    Stage.REGISTER,
                    "the native Mooncake engine moves HOST memory here, not " + region.kind()
                            + "; set kvferry.staging=pinned or choose another backend");
        }
        TimedWait.await(
                driver.register(region), deadline, environment.scheduler(), Stage.REGISTER, "registering " + region);
        return new NativeMemories.Handle(this, region, this::deregister);
    }

    private void deregister(MemoryRegion region, Deadline deadline) {
        if (closing.get()) {
            return; // the engine's end took it back
        }
        TimedWait.await(
                driver.deregister(region), deadline, environment.scheduler(), Stage.REGISTER, "taking back " + region);
    }

    @Override
    public Proposal propose(InitiatorPlan plan) {
        return WireProposal.PEER.encode();
    }

    @Override
    public TargetTransfer accept(TargetPlan plan, Proposal proposal, Deadline deadline) {
        checkOpen(Stage.OFFER);
        WireProposal audience = WireProposal.decode(proposal);
        checkHandles(plan.blocks(), plan.handles());
        BlockList blocks = plan.blocks();
        long[] addresses = new long[blocks.size()];
        for (int i = 0; i < addresses.length; i++) {
            addresses[i] = blocks.regions().get(blocks.regionIndex(i)).address() + blocks.offset(i);
        }
        Descriptor descriptor = new WireDescriptor.Native(
                        incarnation,
                        driver.registrations(),
                        driver.acknowledgesWrites(),
                        driver.engine().segmentName(),
                        addresses)
                .encode();
        NativeTarget target = accepted.add(Stage.OFFER, released -> new NativeTarget(plan, descriptor, released));
        target.listen(audience != WireProposal.PEER);
        return target;
    }

    @Override
    public InitiatorTransfer prepare(InitiatorPlan plan, Descriptor descriptor, Deadline deadline) {
        checkOpen(Stage.PREPARE);
        checkHandles(plan.blocks(), plan.handles());
        if (plan.checksum() == ChecksumMode.ON) {
            throw new TransferException(
                    TransferErrorCode.UNSUPPORTED,
                    Stage.PREPARE,
                    "mooncake carries no checksum; ask for none, or use tcp");
        }
        return initiators.prepare(plan, WireDescriptor.decode(descriptor), deadline.earlier(plan.deadline()));
    }

    private void checkHandles(BlockList blocks, List<MemoryHandle> handles) {
        for (int i = 0; i < blocks.regions().size(); i++) {
            if (i >= handles.size()
                    || !(handles.get(i) instanceof NativeMemories.Handle handle)
                    || handle.owner() != this) {
                throw new TransferException(
                        TransferErrorCode.MEMORY_NOT_REGISTERED,
                        Stage.PREPARE,
                        blocks.regions().get(i) + " is not registered with this mooncake backend");
            }
        }
    }

    @Override
    public void reset(ResetScope scope, Deadline deadline) {
        checkOpen(Stage.FINISH);
        CompletableFuture<Void> fenced = switch (scope) {
            case ResetScope.Instance() ->
                driver.replace(() -> fail(
                        TransferErrorCode.TRANSFER_FAILED,
                        "the native engine was replaced, to fence what was in flight"));
            case ResetScope.Connection(var id, int attempt) ->
                drained(
                        plan -> plan.id().equals(id) && plan.attempt() == attempt,
                        plan -> plan.id().equals(id) && plan.attempt() == attempt);
            case ResetScope.Peer(var peer) ->
                drained(plan -> plan.peer().equals(peer), plan -> plan.peer().equals(peer));
        };
        TimedWait.await(fenced, deadline, environment.scheduler(), Stage.FINISH, "fencing " + scope);
    }

    /** Asks for the end of some transfers, and waits for it: there is no narrower fence than the whole engine. */
    private CompletableFuture<Void> drained(Predicate<InitiatorPlan> here, Predicate<TargetPlan> there) {
        List<CompletableFuture<Void>> drained = new ArrayList<>();
        for (NativeInitiator transfer : initiators.all()) {
            if (here.test(transfer.plan())) {
                transfer.fail(TransferErrorCode.TRANSFER_FAILED, "the transfer was fenced");
                driver.execute(transfer::settle);
                drained.add(transfer.outside());
            }
        }
        for (NativeTarget target : accepted.all()) {
            if (there.test(target.plan())) {
                target.stop();
                drained.add(target.outside());
            }
        }
        return CompletableFuture.allOf(drained.toArray(CompletableFuture[]::new));
    }

    /** Fails every transfer. At that moment nothing of the engine touches any memory. */
    private void fail(TransferErrorCode code, String detail) {
        initiators.all().forEach(transfer -> {
            transfer.fail(code, detail);
            transfer.settle();
        });
        accepted.all().forEach(target -> {
            target.fail(code, detail);
            target.left();
        });
    }

    @Override
    public CloseReport close(Deadline deadline) {
        if (!closing.compareAndSet(false, true)) {
            return CloseReport.CLEAN;
        }
        List<String> abandoned = new ArrayList<>();
        try {
            TimedWait.await(
                    driver.close(() -> fail(TransferErrorCode.SHUTTING_DOWN, "the mooncake backend was closed")),
                    deadline,
                    environment.scheduler(),
                    Stage.CLOSE,
                    "ending the native engine");
        } catch (TransferException late) {
            abandoned.add(String.valueOf(late.getMessage()));
            initiators.all().forEach(each -> abandoned.add(each + ", whose memory may still be touched"));
            accepted.all().forEach(each -> abandoned.add(each + ", whose memory may still be touched"));
        }
        return abandoned.isEmpty() ? CloseReport.CLEAN : new CloseReport(abandoned);
    }

    private void checkOpen(Stage stage) {
        if (closing.get()) {
            throw new TransferException(TransferErrorCode.SHUTTING_DOWN, stage, "the mooncake backend is closed");
        }
        driver.check(stage);
    }

    /** The name by which foreign peers open our segment. */
    String segmentName() {
        return driver.engine().segmentName();
    }
}
