package io.kvferry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.conformance.FaultPlan.Action;
import io.kvferry.engine.Lease;
import io.kvferry.engine.Transfer;
import io.kvferry.engine.TransferRequest;
import io.kvferry.engine.TransferResult;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.BackendLimits;
import io.kvferry.spi.BlockRange;
import io.kvferry.spi.Capability;
import io.kvferry.spi.ChecksumMode;
import io.kvferry.spi.DeviceMemory;
import io.kvferry.spi.Isolation;
import io.kvferry.spi.MemoryRegion;
import io.kvferry.spi.Operation;
import io.kvferry.spi.PeerIdentity;
import io.kvferry.spi.TransferBackend;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import io.kvferry.spi.TransferId;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * What is declared works, and what is not declared is refused: never a skip.
 *
 * @since 0.1.0
 */
@Tag("capability")
public abstract class CapabilityConformanceTest extends ConformanceSuite {
    /**
     * Makes the suite.
     *
     * @param harness what is tested
     */
    protected CapabilityConformanceTest(BackendHarness harness) {
        super(harness);
    }

    /** READ works where it is declared, and is UNSUPPORTED where it is not. */
    @Test
    public final void capability_R10_3_readWorksOrIsUnsupported() {
        worksOrIsUnsupported(Capability.READ, Operation.READ);
    }

    /** WRITE works where it is declared, and is UNSUPPORTED where it is not. */
    @Test
    public final void capability_R10_4_writeWorksOrIsUnsupported() {
        worksOrIsUnsupported(Capability.WRITE, Operation.WRITE);
    }

    private void worksOrIsUnsupported(Capability capability, Operation operation) {
        Layout layout = pages(operation);
        if (bed().initiator().can(capability)) {
            bed().move(operation, layout.local(operation), layout.remote(operation));
            layout.assertMoved();
        } else {
            unsupported(operation, layout, request -> request);
        }
    }

    private void unsupported(Operation operation, Layout layout, UnaryOperator<TransferRequest> with) {
        layout.poison();
        TransferId id = TransferId.random();
        Lease lease = bed().target().offer(id, operation, layout.remote(operation));
        assertFails(
                TransferErrorCode.UNSUPPORTED,
                () -> bed().initiator()
                        .prepare(with.apply(
                                bed().initiator().request(id, operation, bed().target(), layout.local(operation)))));
        lease.revoke();
        layout.assertPoisoned();
        wasRefused();
    }

    /** Host memory can be registered where it is declared, and is UNSUPPORTED where it is not. */
    @Test
    public final void capability_R10_5_hostMemoryWorksOrIsUnsupported() {
        if (bed().initiator().can(Capability.HOST_MEMORY)) {
            moveSomethingElse();
        } else {
            assertFails(
                    TransferErrorCode.UNSUPPORTED,
                    () -> bed().initiator().engine().allocate(4096));
            wasRefused();
        }
    }

    /** CUDA memory that is not declared is UNSUPPORTED, before any library sees its address. */
    @Test
    public final void capability_R10_6_cudaMemoryIsUnsupportedWhereNotDeclared() {
        MemoryRegion region = MemoryRegion.cuda(0, 0x7f00_0000_0000L, 4096);
        if (bed().initiator().can(Capability.CUDA_MEMORY)) {
            assertThat(devicePort())
                    .as("who moves device memory brings its copy port")
                    .isPresent();
        } else {
            assertFails(
                    TransferErrorCode.UNSUPPORTED,
                    () -> bed().initiator().engine().register(region));
            assertThat(bed().initiator().engine().status().memories()).isZero();
            wasRefused();
        }
    }

    private Optional<DeviceMemory> devicePort() {
        BackendConfig config = BackendConfig.DEFAULTS;
        BackendEnvironment environment = new BackendEnvironment(
                new PeerIdentity("device", 1), bed().ticker(), bed().ticker().scheduler(), "127.0.0.1", "127.0.0.1");
        TransferBackend backend = harness().provider().open(config, environment, bed().far());
        try {
            return backend.deviceMemory();
        } finally {
            backend.close(bed().far());
        }
    }

    /** A checksum that is asked for is made and compared where it is declared, and is UNSUPPORTED where it is not. */
    @Test
    public final void capability_R10_7_checksumWorksOrIsUnsupported() {
        for (Operation operation : BOTH) {
            Layout layout = Layout.on(bed(), operation, 70_001, 9, 4);
            if (!bed().initiator().can(Capability.CHECKSUM)) {
                unsupported(operation, layout, request -> request.checksum(ChecksumMode.ON));
                continue;
            }
            for (ChecksumMode mode : ChecksumMode.values()) {
                Layout again = layout.refilled(mode.hashCode());
                TransferId id = TransferId.random();
                Lease lease = bed().target().offer(id, operation, again.remote(operation));
                Transfer transfer = bed().initiator()
                        .prepare(bed().initiator()
                                .request(id, operation, bed().target(), again.local(operation))
                                .checksum(mode));
                complete(transfer, lease, again);
            }
        }
    }

    /** Bytes that change on their way are DATA_CORRUPTED where a checksum is asked for, never COMPLETED. */
    @Test
    public final void capability_R10_8_checksumFindsChangedBytes() {
        Optional<BackendHarness.DataPlaneFaults> hooks = harness().dataPlaneFaults();
        for (Operation operation : BOTH) {
            Layout layout = pages(operation);
            TransferId id = TransferId.random();
            boolean checked = bed().initiator().can(Capability.CHECKSUM);
            Lease lease = bed().target().offer(id, operation, layout.remote(operation));
            Transfer transfer = bed().initiator()
                    .prepare(bed().initiator()
                            .request(id, operation, bed().target(), layout.local(operation))
                            .checksum(checked ? ChecksumMode.ON : ChecksumMode.OFF));
            if (!checked || !hooks.map(BackendHarness.DataPlaneFaults::corrupt).orElse(false)) {
                // bytes cannot be changed from here, but what a backend would say must come through
                bed().initiator().faults().onNext("io", Action.refuse(TransferErrorCode.DATA_CORRUPTED));
            }
            transfer.submit();
            TransferResult result = bed().result(transfer);
            hooks.ifPresent(BackendHarness.DataPlaneFaults::heal);
            assertThat(result)
                    .isInstanceOfSatisfying(
                            TransferResult.Failed.class,
                            failed -> assertThat(failed.error().code()).isEqualTo(TransferErrorCode.DATA_CORRUPTED));
            transfer.finish();
            lease.revoke();
        }
    }

    /** Parts are seen at the target: by itself where declared, else through messages of the initiator. */
    @Test
    public final void capability_R10_9_targetSeesPartsByItselfOrIsTold() {
        bed().wire().always("none", Action.PASS);
        partsAreSeen();
        boolean told = bed().wire().occurrences("part.request") > 0;
        assertThat(told).isEqualTo(!bed().initiator().can(Capability.TARGET_PROGRESS));
    }

    /** A target that cannot see parts is told of each, and counts one that is told twice once. */
    @Test
    public final void required_R15_12_partsAreToldToATargetThatCannotSeeThem() {
        open(
                Map.of(),
                new Watch().without(Capability.TARGET_PROGRESS),
                new Watch().without(Capability.TARGET_PROGRESS));
        bed().wire().always("part.request", Action.DUPLICATE);
        partsAreSeen();
        assertThat(bed().wire().occurrences("part.request")).isPositive();
    }

    private void partsAreSeen() {
        Layout layout = pages(Operation.WRITE);
        TransferId id = TransferId.random();
        Lease lease = bed().target().offer(id, Operation.WRITE, layout.destinationBlocks());
        Transfer transfer = bed().initiator().prepare(id, Operation.WRITE, bed().target(), layout.sourceBlocks());
        BlockRange half = new BlockRange(0, 8);
        transfer.submit(half);
        assertThat(Await.call("the first half", () -> lease.awaitApplied(half, bed().far())))
                .isTrue();
        transfer.submit(new BlockRange(8, 8));
        bed().result(transfer).orThrow();
        transfer.finish();
        bed().result(lease).orThrow();
        Await.until(
                () -> "16 blocks counted once, are " + lease.status(),
                () -> lease.status().blocksDone() == 16 && lease.status().bytesDone() == 16 * 4096);
        layout.assertMoved();
    }

    /** Both ends of a peer channel are there where it is declared; where it is not, none is opened. */
    @Test
    public final void capability_R10_10_channelIsOpenedWhereDeclaredOnly() {
        bed().wire().always("none", Action.PASS);
        moveSomethingElse();
        boolean opened = bed().wire().occurrences("channel.open") > 0;
        assertThat(opened).isEqualTo(bed().initiator().can(Capability.PEER_CHANNEL));
    }

    /** A backend whose isolation is too weak for the configuration serves no lease, and the refusal names the key. */
    @Test
    public final void capability_R18_8_isolationBelowTheConfiguredIsRefused() {
        open(Map.of("kvferry.min-isolation", "lease"));
        Layout layout = pages(Operation.WRITE);
        if (bed().target().info().isolation() == Isolation.LEASE) {
            bed().move(Operation.WRITE, layout.sourceBlocks(), layout.destinationBlocks());
            layout.assertMoved();
            return;
        }
        TransferId id = TransferId.random();
        Lease lease = bed().target().offer(id, Operation.WRITE, layout.destinationBlocks());
        TransferException refusal = assertFailsWithOneOf(
                Set.of(TransferErrorCode.UNSUPPORTED, TransferErrorCode.INCOMPATIBLE_PEER),
                () -> bed().initiator().prepare(id, Operation.WRITE, bed().target(), layout.sourceBlocks()));
        assertThat(refusal.getMessage()).contains("kvferry.min-isolation");
        lease.revoke();
    }

    /** Blocks beyond the declared limits are refused before anything is asked of the peer. */
    @Test
    public final void capability_R17_5_limitsAreChecked() {
        BackendLimits limits = bed().initiator().info().limits();
        assertThat(limits.maxTransfers()).isPositive();
        assertThat(limits.maxBlocks()).isGreaterThanOrEqualTo(10_000);
        assertThat(limits.maxBlockBytes()).isGreaterThanOrEqualTo(64 << 20);
    }
}
